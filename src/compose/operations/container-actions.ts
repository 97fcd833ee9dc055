import { kindOf, messageOf } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { refreshFiles } from "../create/index.ts";
import { runHooks } from "../hooks.ts";
import { type Limiter, limiterOf } from "../images/limit.ts";
import type { Service } from "../model/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import type { HookOutput } from "./options.ts";

interface StopChoice {
  readonly timeoutSeconds?: number | undefined;
  readonly onHookOutput?: HookOutput | undefined;
}

/** Done with a container, one call each; all are told, and none is made in a dry run. */
export class ContainerActions {
  readonly #app: Application;
  readonly #limit: Limiter;
  /** The end of the last start of a container with a range of ports. */
  #ports: Promise<unknown> = Promise.resolve();

  constructor(app: Application) {
    this.#app = app;
    this.#limit = limiterOf(app.project);
  }

  /** Starts it, with its secrets and configs as they are by now, and runs its `post_start` commands. */
  async start(
    container: ServiceContainer,
    service: Service | undefined,
    onHookOutput?: HookOutput,
  ): Promise<void> {
    await this.#told(container, "Starting", "Started", async () => {
      if (service !== undefined && hasFiles(service) && isStopped(container)) {
        await refreshFiles(this.#app, { ...service, name: container.service }, container.id);
      }
      if (container.state === "paused") await this.#app.engine.containers.unpause(container.id);
      else if (hasPortRange(service)) await this.#startAlone(container);
      else await this.#app.engine.containers.start(container.id);
      await runHooks(this.#app, container, service?.post_start, onHookOutput);
    });
  }

  /** Docker chooses from a range without looking at those who choose at the same time. */
  #startAlone({ id }: ServiceContainer): Promise<void> {
    const started = this.#ports.then(() => this.#app.engine.containers.start(id));
    this.#ports = started.catch(() => {});
    return started;
  }

  /** Runs its `pre_stop` commands and stops it. What is gone by then, or does not run, is stopped. */
  async stop(
    container: ServiceContainer,
    service: Service | undefined,
    options: StopChoice = {},
  ): Promise<void> {
    await this.#told(container, "Stopping", "Stopped", () => this.#stop(container, service, options));
  }

  /** The same as a part of something else. */
  stopQuietly(
    container: ServiceContainer,
    service: Service | undefined,
    options: StopChoice = {},
  ): Promise<void> {
    return this.quietly(() => this.#stop(container, service, options));
  }

  async #stop(
    container: ServiceContainer,
    service: Service | undefined,
    { timeoutSeconds, onHookOutput }: StopChoice,
  ): Promise<void> {
    if (!isUp(container)) return;
    if (service?.pre_stop !== undefined) {
      const gone = await failsAsGone(() => runHooks(this.#app, container, service.pre_stop, onHookOutput));
      if (gone) return;
    }
    await this.#app.engine.containers.stop(
      container.id,
      timeoutSeconds === undefined ? {} : { timeoutSeconds },
    );
  }

  async restart(
    container: ServiceContainer,
    service: Service | undefined,
    { timeoutSeconds, onHookOutput }: StopChoice = {},
  ): Promise<void> {
    const { engine } = this.#app;
    await this.#told(container, "Restarting", "Started", async () => {
      if (isUp(container)) await runHooks(this.#app, container, service?.pre_stop, onHookOutput);
      await engine.containers.restart(container.id, timeoutSeconds === undefined ? {} : { timeoutSeconds });
      await runHooks(this.#app, container, service?.post_start, onHookOutput);
    });
  }

  /** What is gone already is removed. */
  async remove(
    container: ServiceContainer,
    options: { readonly volumes?: boolean | undefined; readonly force?: boolean } = {},
  ): Promise<void> {
    const { volumes = false, force = true } = options;
    await this.#told(container, "Removing", "Removed", async () => {
      try {
        await this.#app.engine.containers.remove(container.id, { force, volumes });
      } catch (error) {
        if (kindOf(error) === "NotFound" || isBeingRemoved(error)) return;
        throw error;
      }
    });
  }

  async kill(container: ServiceContainer, signalName = "SIGKILL"): Promise<void> {
    await this.#told(container, "Killing", "Killed", () =>
      this.#app.engine.containers.kill(container.id, signalName),
    );
  }

  async pause(container: ServiceContainer): Promise<void> {
    await this.#told(container, undefined, "Paused", () => this.#app.engine.containers.pause(container.id));
  }

  async unpause(container: ServiceContainer): Promise<void> {
    await this.#told(container, undefined, "Unpaused", () =>
      this.#app.engine.containers.unpause(container.id),
    );
  }

  /** Something that tells of itself and minds a dry run: with no more at the same time than the environment allows. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#limit(work);
  }

  /** Not told: it is a part of something else. */
  async quietly(work: () => Promise<void>): Promise<void> {
    if (!this.#app.dryRun) await this.#limit(work);
  }

  /** Says that something begins and that it is done, or why not. */
  async #told(
    container: Pick<ServiceContainer, "name">,
    begin: string | undefined,
    end: string,
    work: () => Promise<void>,
  ): Promise<void> {
    const id = `Container ${container.name}`;
    const { report, dryRun } = this.#app;
    if (begin !== undefined) report.progress({ id, status: "working", text: begin });
    try {
      if (!dryRun) await this.#limit(work);
    } catch (error) {
      report.progress({ id, status: "error", text: "Error", detail: messageOf(error) });
      throw error;
    }
    report.progress({ id, status: "done", text: end });
  }
}

/** Whether there is something to stop. */
export const isUp = ({ state }: ServiceContainer): boolean =>
  state === "running" || state === "paused" || state === "restarting";

/** Not one that was made just now: its files are new. */
const isStopped = (container: ServiceContainer): boolean => !isUp(container) && container.justMade !== true;

const hasFiles = ({ secrets = [], configs = [], use_api_socket }: Service): boolean =>
  secrets.length > 0 || configs.length > 0 || use_api_socket === true;

const hasPortRange = (service: Service | undefined): boolean =>
  (service?.ports ?? []).some(({ published }) => published?.includes("-") === true);

const isBeingRemoved = (error: unknown): boolean =>
  kindOf(error) === "Conflict" && messageOf(error).includes("already in progress");

async function failsAsGone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (kindOf(error) === "NotFound" || kindOf(error) === "Conflict") return true;
    throw error;
  }
}
