import { systemError } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import type { Dependency, Service } from "../model/index.ts";
import { scaleOf } from "../plan/scale.ts";
import type { ServiceContainer } from "../state/index.ts";
import { type Condition, ConditionFailure, ConditionWatch, printable } from "./conditions.ts";

/** What a service waits for before its own containers are started. */
export interface Need {
  readonly service: string;
  readonly condition: Condition;
  readonly required: boolean;
}

/** That a service has been started goes without saying: it comes first. */
export function needsOf(services: Readonly<Record<string, Service>>, service: Service): Need[] {
  return Object.entries(service.depends_on ?? {}).flatMap(([name, dependency]) =>
    needOf(services, name, dependency),
  );
}

function needOf(services: Readonly<Record<string, Service>>, name: string, dependency: Dependency): Need[] {
  const { condition, required } = dependency;
  const there = Object.hasOwn(services, name) && scaleOf(services[name]!) > 0;
  if (condition === "service_started" || !there) return [];
  return [{ service: name, condition, required }];
}

/** Waits for what services need, and tells what it waits for. Listens to the engine only where there is something to wait for. */
export class DependencyWaits implements AsyncDisposable {
  readonly #app: Application;
  #watch: ConditionWatch | undefined;

  constructor(app: Application) {
    this.#app = app;
  }

  /** Before anything is started, where something will have to be waited for. */
  async open(): Promise<void> {
    if (!this.#app.dryRun) this.#watch ??= await ConditionWatch.open(this.#app);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
  }

  /**
   * Resolves when a service's need is fulfilled, or can be done without.
   *
   * @param dependent who waits; undefined: the command.
   * @throws in Docker Compose's words: `dependency failed to start: container shop-db-1 is unhealthy`.
   */
  async until(
    dependent: string | undefined,
    { service, condition, required }: Need,
    containers: readonly ServiceContainer[],
    signal: AbortSignal,
  ): Promise<void> {
    const { project, report } = this.#app;
    if (containers.length === 0) {
      const message = `${dependent ?? project.name} is missing dependency ${service}`;
      if (required) throw systemError(message);
      return report.warn(message);
    }
    const waitsFor = dependent === undefined ? UNTIL[condition] : `${dependent} needs it ${NEEDS[condition]}`;
    this.#tell(containers, "working", "Waiting", waitsFor);
    try {
      await this.#watch?.until(containers, condition, signal, (container, detail) =>
        this.#tell([container], "working", "Waiting", `${waitsFor}; ${detail}`),
      );
    } catch (error) {
      if (!(error instanceof ConditionFailure)) throw error;
      return this.#failed(service, containers, { condition, required }, error);
    }
    this.#tell(containers, "done", condition === "service_completed_successfully" ? "Exited" : "Healthy");
  }

  async #failed(
    service: string,
    containers: readonly ServiceContainer[],
    { condition, required }: Pick<Need, "condition" | "required">,
    failure: ConditionFailure,
  ): Promise<void> {
    const how = failure.exitCode === undefined ? failure.message : `exit ${failure.exitCode}`;
    const ended = `"${service}" didn't complete successfully: ${how}`;
    const job = condition === "service_completed_successfully";
    const hint = failure.lastCheck ?? (await this.#lastWords(failure));
    const hinted = (text: string) => (hint === undefined ? text : `${text}; ${hint}`);
    if (!required) {
      const why = job ? `optional dependency ${ended}` : `optional dependency "${service}" failed to start`;
      this.#tell(containers, "warning", "Skipped", hinted(why));
      this.#app.report.warn(job ? why : `${why}: ${failure.message}`);
      return;
    }
    const detail = job ? `service ${ended}` : `dependency ${service} failed to start`;
    const isCommand = condition === "running_or_healthy";
    this.#tell(containers, "error", "Error", hinted(isCommand ? failure.message : detail));
    if (isCommand) throw systemError(failure.message, failure);
    throw systemError(job ? detail : `dependency failed to start: ${failure.message}`, failure);
  }

  /** What a container that has ended printed last; why it ended usually stands there. */
  async #lastWords({ container, exitCode }: ConditionFailure): Promise<string | undefined> {
    if (exitCode === undefined) return undefined;
    try {
      const chunks: Uint8Array[] = [];
      const output = await this.#app.engine.containers.logs(container, { tail: "1" });
      for await (const { bytes } of output) chunks.push(bytes);
      const line = Buffer.concat(chunks).toString("utf8").trim().split("\n").at(-1) ?? "";
      return line === "" ? undefined : `it said: ${printable(line, LONGEST_WORDS)}`;
    } catch {
      // A log driver that cannot be read: the exit code has to do.
      return undefined;
    }
  }

  #tell(
    containers: readonly ServiceContainer[],
    status: "working" | "done" | "warning" | "error",
    text: string,
    detail?: string,
  ): void {
    for (const { name } of containers) {
      const id = `Container ${name}`;
      this.#app.report.progress({ id, status, text, ...(detail === undefined ? {} : { detail }) });
    }
  }
}

const NEEDS: Readonly<Record<Condition, string>> = {
  service_healthy: "healthy",
  service_completed_successfully: "to have completed",
  running_or_healthy: "running or healthy",
};

const UNTIL: Readonly<Record<Condition, string>> = {
  service_healthy: "until it is healthy",
  service_completed_successfully: "until it has completed",
  running_or_healthy: "until it runs or is healthy",
};

/** Of a line that a container printed. */
const LONGEST_WORDS = 200;
