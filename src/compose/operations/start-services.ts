import { systemError } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { scaleOf } from "../plan/scale.ts";
import type { Project } from "../project/index.ts";
import { formatDuration } from "../project/units/duration.ts";
import type { ServiceContainer } from "../state/index.ts";
import type { Condition } from "./conditions.ts";
import { ContainerActions } from "./container-actions.ts";
import { DependencyWaits, type Need, needsOf } from "./dependencies.ts";
import { forService } from "./failures.ts";
import { allSettled, eachInOrder } from "./in-order.ts";
import type { StartOptions } from "./options.ts";
import { runPreStart } from "./pre-start.ts";

/**
 * Starts the containers of a project that do not run, each service when those that it depends on have come as far as it
 * needs them; with `wait` until all run or are healthy.
 *
 * @param containers of the project, as they are.
 */
export async function startServices(
  app: Application,
  containers: readonly ServiceContainer[],
  options: StartOptions = {},
): Promise<void> {
  const { project, signal } = app;
  const actions = new ContainerActions(app);
  const of = (name: string) =>
    containers.filter((one) => one.service === name && !one.oneOff).sort((a, b) => a.number - b.number);
  const needs = new Map(
    Object.entries(project.services).map(([name, service]) => [
      name,
      needsOf(project.services, service).filter((need) => !isFulfilled(need, of(need.service))),
    ]),
  );
  const timeout = new Deadline(options.waitTimeoutSeconds);
  await using waits = new DependencyWaits(app);
  if (options.wait === true || [...needs.values()].some((list) => list.length > 0)) await waits.open();

  await eachInOrder(
    project.services,
    async (name, stopped) => {
      const service = project.services[name]!;
      await timeout.during("timeout waiting for dependencies", stopped, (either) =>
        allSettled(needs.get(name)!.map((need) => waits.until(name, need, of(need.service), either))),
      );
      const own = of(name);
      if (own.length === 0 && scaleOf(service) > 0)
        throw systemError(`service "${name}" has no container to start`);
      const idle = own.filter(({ state }) => state !== "running");
      await forService(name, async () => {
        if (idle.length === own.length && own.length > 0)
          await runPreStart(app, name, own[0]!, options.onHookOutput);
        await allSettled(idle.map((container) => actions.start(container, service, options.onHookOutput)));
      });
    },
    { signal },
  );
  if (options.wait === true) await waitForAll(app, waits, timeout, of);
}

/** What the list of containers tells already need not be asked. A job is run again, so that it is waited for. */
function isFulfilled({ condition }: Need, containers: readonly ServiceContainer[]): boolean {
  if (condition === "service_completed_successfully" || containers.length === 0) return false;
  return containers.every(({ state, health }) => state === "running" && health === "healthy");
}

async function waitForAll(
  app: Application,
  waits: DependencyWaits,
  timeout: Deadline,
  of: (service: string) => readonly ServiceContainer[],
): Promise<void> {
  const { project, signal = new AbortController().signal } = app;
  const jobs = jobsOf(project);
  const needs = Object.keys(project.services)
    .filter((name) => scaleOf(project.services[name]!) > 0)
    .map((name): Need => {
      const condition: Condition = jobs.has(name) ? "service_completed_successfully" : "running_or_healthy";
      return { service: name, condition, required: true };
    });
  await timeout.during(`application not healthy after ${timeout.text}`, signal, async (either) => {
    await Promise.all(needs.map((need) => waits.until(undefined, need, of(need.service), either)));
  });
}

/** Services that others expect to come to an end. */
function jobsOf({ services }: Project): Set<string> {
  const jobs = new Set<string>();
  for (const { depends_on } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(depends_on ?? {}))
      if (condition === "service_completed_successfully") jobs.add(name);
  }
  return jobs;
}

/** A time that several waits have together. */
class Deadline {
  /** As Go writes it: `1m30s`. */
  readonly text: string;
  readonly #signal: AbortSignal | undefined;

  constructor(seconds: number | undefined) {
    const limited = seconds !== undefined && seconds > 0;
    this.text = limited ? formatDuration(seconds * 1e9) : "";
    if (limited) this.#signal = AbortSignal.timeout(seconds * 1000);
  }

  /** @throws System with this message where it was too late. */
  async during<T>(
    message: string,
    signal: AbortSignal,
    work: (either: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#signal === undefined) return work(signal);
    try {
      return await work(AbortSignal.any([signal, this.#signal]));
    } catch (error) {
      if (this.#signal.aborted && error === this.#signal.reason) throw systemError(message);
      throw error;
    }
  }
}
