import { EngineError } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ContainerState, EventMessage } from "../../wire/index.ts";
import { LABEL, projectFilter } from "../labels.ts";
import { projectContainers, serviceOf, shortName } from "./containers.ts";

/** A turn in the life of a service's container. */
export interface LifeEvent {
  readonly kind: "created" | "replaced" | "started" | "exited";
  readonly id: string;
  /** Without the project: `web-1`. */
  readonly name: string;
  readonly service: string;
  /** By the engine's clock: seconds since the epoch, with fraction. */
  readonly time: string;
  /** Of one that exited. */
  readonly exitCode: number;
  /** It was started again by its restart policy, or will be. */
  readonly restarting: boolean;
  /** Of one made in place of another: that one's name. */
  readonly replaces: string;
}

/**
 * What becomes of a project's containers, from now on: subscribed when the promise resolves. The stream ends when all
 * those that were there, or came later, have ended for good, and when the signal aborts.
 */
export async function watchProject(
  engine: Engine,
  project: string,
  options: { readonly services?: readonly string[]; readonly signal: AbortSignal },
): Promise<AsyncIterable<LifeEvent>> {
  const filters = {
    label: [...projectFilter(project)["label"]!, `${LABEL.oneoff}=False`],
    type: ["container"],
    event: ["create", "start", "die", "destroy"],
  };
  const lines = await engine.system.eventLines({ filters, signal: options.signal });
  const containers = await projectContainers(engine, project, {
    all: true,
    ...(options.services && { services: options.services }),
    signal: options.signal,
  });
  const watched = new Set(options.services ?? []);
  const isWatched = (service: string) => watched.size === 0 || watched.has(service);
  const alive = new Set(containers.filter((one) => isWatched(serviceOf(one))).map(({ Id }) => Id));
  return new Monitor(engine, isWatched, alive).follow(lines);
}

class Monitor {
  readonly #engine: Engine;
  readonly #isWatched: (service: string) => boolean;
  /** Containers that have not ended for good. */
  readonly #alive: Set<string>;
  readonly #restarting = new Set<string>();

  constructor(engine: Engine, isWatched: (service: string) => boolean, alive: Set<string>) {
    this.#engine = engine;
    this.#isWatched = isWatched;
    this.#alive = alive;
  }

  async *follow(lines: AsyncIterable<string>): AsyncGenerator<LifeEvent, void> {
    if (this.#alive.size === 0) return;
    for await (const line of lines) {
      const { Action, Actor } = JSON.parse(line) as EventMessage;
      const attributes = Actor.Attributes ?? {};
      if (!this.#isWatched(attributes[LABEL.service] ?? "")) continue;
      const nanoseconds = BigInt(/"timeNano":\s*(\d+)/.exec(line)?.[1] ?? 0);
      const event = await this.#read(Action, Actor.ID, attributes, secondsOf(nanoseconds));
      if (event !== undefined) yield event;
      if (this.#alive.size === 0) return;
    }
  }

  async #read(
    action: string,
    id: string,
    attributes: Readonly<Record<string, string>>,
    time: string,
  ): Promise<LifeEvent | undefined> {
    const replaces = attributes[LABEL.replace] ?? "";
    const event = {
      id,
      name: shortName(attributes["name"] ?? id.slice(0, 12), attributes),
      service: attributes[LABEL.service] ?? "",
      time,
      exitCode: Number(attributes["exitCode"] ?? 0),
      restarting: false,
      replaces,
    };
    switch (action) {
      case "create":
        this.#alive.add(id);
        return { ...event, kind: replaces === "" ? "created" : "replaced" };
      case "start":
        this.#alive.add(id);
        return { ...event, kind: "started", restarting: this.#restarting.delete(id) };
      case "die":
        return { ...event, kind: "exited", restarting: await this.#ended(id, Number(time) * 1000) };
      default:
        // Removed without having run.
        this.#alive.delete(id);
        return undefined;
    }
  }

  /**
   * Whether it comes back; else it has ended for good. Who asks late may meet the end of a later run, of which an event is still to come.
   * @param endMs since the epoch
   */
  async #ended(id: string, endMs: number): Promise<boolean> {
    const state = await this.#stateOf(id);
    const cameBack = state?.Running || Date.parse(state?.StartedAt ?? "") > endMs;
    if (state?.Restarting || cameBack) {
      this.#restarting.add(id);
      return true;
    }
    this.#alive.delete(id);
    return false;
  }

  async #stateOf(id: string): Promise<Partial<ContainerState> | undefined> {
    try {
      return (await this.#engine.containers.inspect(id)).State;
    } catch (error) {
      if (error instanceof EngineError && error.kind === "NotFound") return undefined;
      throw error;
    }
  }
}

function secondsOf(nanoseconds: bigint): string {
  return `${nanoseconds / 1_000_000_000n}.${String(nanoseconds % 1_000_000_000n).padStart(9, "0")}`;
}
