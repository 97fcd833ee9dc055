import { kindOf, messageOf, systemError } from "../../lib/index.ts";
import type { ContainerInspect, EventMessage } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { projectFilter } from "../labels.ts";
import type { ServiceContainer } from "../state/index.ts";

/** What a container is to come to. `running_or_healthy`: healthy where something checks it, else running. */
export type Condition = "service_healthy" | "service_completed_successfully" | "running_or_healthy";

/** A condition that will not be fulfilled any more. */
export class ConditionFailure extends Error {
  /** Which container it is about. */
  readonly container: string;
  /** What it ended with. */
  readonly exitCode?: number;
  /** What its last health check said. */
  readonly lastCheck?: string;

  constructor(
    { Id, Name, State }: Pick<ContainerInspect, "Id" | "Name"> & Partial<ContainerInspect>,
    what: string,
  ) {
    super(`container ${Name.replace(/^\//, "")} ${what}`);
    this.container = Id;
    if (State === undefined) return;
    if (hasEnded(State)) this.exitCode = State.ExitCode;
    const check = lastCheck(State);
    if (check !== undefined) this.lastCheck = check;
  }
}

const hasEnded = ({ Status }: ContainerInspect["State"]): boolean => Status === "exited" || Status === "dead";

/** Whether a container's state fulfils a condition; a failure where it cannot any more, undefined where it may yet. */
function judge(container: ContainerInspect, condition: Condition): true | ConditionFailure | undefined {
  const { State, Config } = container;
  const exited = () => new ConditionFailure(container, `exited (${State.ExitCode})`);
  if (condition === "service_completed_successfully") {
    if (!hasEnded(State)) return undefined;
    return State.ExitCode === 0 || exited();
  }
  if (hasEnded(State)) return exited();
  const checked = isChecked(Config);
  if (!checked && condition === "running_or_healthy") return State.Status === "running" || undefined;
  const health = State.Health?.Status;
  if (health === undefined || health === "none") {
    // What has not started yet has no health yet.
    if (State.Status === "created" && checked) return undefined;
    return new ConditionFailure(container, "has no healthcheck configured");
  }
  if (health === "unhealthy") return new ConditionFailure(container, "is unhealthy");
  return health === "healthy" || undefined;
}

/** What ends right after its start does not run. Docker Compose looks for the first time after as long. */
const SETTLED_MS = 500;

/** How much longer a container without a health check has to run until it is taken to do so. */
function unsettledMs({ State, Config }: ContainerInspect, condition: Condition): number {
  if (condition !== "running_or_healthy" || isChecked(Config)) return 0;
  const ranMs = Date.now() - Date.parse(State.StartedAt);
  return Math.min(SETTLED_MS, Math.max(0, SETTLED_MS - ranMs));
}

function isChecked({ Healthcheck }: ContainerInspect["Config"]): boolean {
  const test = Healthcheck?.Test;
  return test !== undefined && test !== null && test.length > 0 && test[0] !== "NONE";
}

/** Events after which a container may have come to something else. */
const TELLING = /^(?:start|die|destroy|stop|restart|unpause|health_status|exec_die)/;

/**
 * Waits for containers of a project to come to a condition. It listens before anything is started, so that nothing is
 * missed, and looks at a container only when something has happened to it.
 */
export class ConditionWatch implements AsyncDisposable {
  readonly #app: Application;
  readonly #closing = new AbortController();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #waits = new Map<string, Promise<void>>();
  #broken: unknown;

  private constructor(app: Application) {
    this.#app = app;
  }

  /** Resolves when the engine tells what happens from now on. */
  static async open(app: Application): Promise<ConditionWatch> {
    const watch = new ConditionWatch(app);
    // Docker answers a moment before it listens: what has happened since now is told, too.
    const since = (Date.now() / 1000).toFixed(3);
    const filters = { type: ["container"], ...projectFilter(app.project.name) };
    const lines = await app.engine.system.eventLines({ since, filters, signal: watch.#closing.signal });
    void watch.#listen(lines);
    return watch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }

  /**
   * Resolves when all these containers of one service fulfil the condition.
   * @throws ConditionFailure where one cannot any more.
   */
  async until(
    containers: readonly ServiceContainer[],
    condition: Condition,
    signal: AbortSignal,
    onDetail: (container: ServiceContainer, detail: string) => void,
  ): Promise<void> {
    const waits = containers.map((container) => this.#once(container, condition, onDetail));
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([Promise.all(waits), aborted]);
  }

  /** However many wait for it, a container is looked at once. */
  #once(
    container: ServiceContainer,
    condition: Condition,
    onDetail: (container: ServiceContainer, detail: string) => void,
  ): Promise<void> {
    const key = `${container.id} ${condition}`;
    let wait = this.#waits.get(key);
    if (wait === undefined) {
      wait = this.#untilOne(container, condition, onDetail);
      wait.catch(() => {});
      this.#waits.set(key, wait);
    }
    return wait;
  }

  async #untilOne(
    container: ServiceContainer,
    condition: Condition,
    onDetail: (container: ServiceContainer, detail: string) => void,
  ): Promise<void> {
    let happened = Promise.withResolvers<void>();
    let settled = false;
    const forget = this.#subscribe(container.id, () => happened.resolve());
    try {
      while (true) {
        happened = Promise.withResolvers<void>();
        const now = await this.#inspect(container);
        const verdict = judge(now, condition);
        if (verdict instanceof ConditionFailure) throw verdict;
        const moreMs = verdict === true && !settled ? unsettledMs(now, condition) : 0;
        if (verdict === true && moreMs === 0) return;
        const detail = progressOf(now);
        if (detail !== undefined) onDetail(container, detail);
        if (this.#broken !== undefined) throw this.#broken;
        settled = await passes(happened.promise, moreMs);
        if (this.#closing.signal.aborted) return;
      }
    } finally {
      forget();
    }
  }

  /** @throws ConditionFailure for one that somebody has removed. */
  async #inspect({ id, name }: ServiceContainer): Promise<ContainerInspect> {
    try {
      return await this.#app.engine.containers.inspect(id);
    } catch (error) {
      if (kindOf(error) !== "NotFound") throw error;
      throw new ConditionFailure({ Id: id, Name: name }, "was removed");
    }
  }

  #subscribe(id: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async #listen(lines: AsyncIterable<string>): Promise<void> {
    try {
      for await (const line of lines) {
        const event = JSON.parse(line) as EventMessage;
        if (!TELLING.test(event.Action)) continue;
        for (const listener of this.#listeners.get(event.Actor.ID) ?? []) listener();
      }
      this.#broken = systemError("the engine ended its stream of events");
    } catch (error) {
      this.#broken = systemError(`waiting for containers: ${messageOf(error)}`, error);
    }
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener();
  }
}

/** Whether this time goes by before something happens; 0: it does not go by. */
async function passes(happening: Promise<void>, ms: number): Promise<boolean> {
  if (ms === 0) return happening.then(() => false);
  const time = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => time.resolve(true), ms);
  try {
    return await Promise.race([happening.then(() => false), time.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** How far a container's health check has come. */
const progressOf = ({ State }: ContainerInspect): string | undefined =>
  State.Health?.Status === "starting" ? lastCheck(State) : undefined;

/** A check's output may be long, its first line tells. */
const LONGEST_OUTPUT = 80;

function lastCheck({ Health }: ContainerInspect["State"]): string | undefined {
  const last = Health?.Log?.at(-1);
  if (last === undefined) return undefined;
  const text = printable(last.Output.trim().split("\n")[0] ?? "", LONGEST_OUTPUT);
  return `last check exited with ${last.ExitCode}${text === "" ? "" : `: ${text}`}`;
}

/** What a container said, shortened, and without what a terminal would take for a command. */
export function printable(text: string, longest: number): string {
  const safe = text.replace(/\p{Cc}/gu, " ").trim();
  return safe.length > longest ? `${safe.slice(0, longest - 1)}…` : safe;
}
