import { messageOf } from "../../lib/index.ts";
import type { Vertex } from "../graph/index.ts";
import type { BuildEvent, Report, VertexState, VertexStatus } from "../progress/events.ts";
import type { Asker } from "./shared-work.ts";

/** Tells a build what goes on in one of its vertices. Its methods may be passed on alone. */
export class VertexProgress implements Asker {
  readonly #report: Report;
  #state: VertexState;
  readonly #parts = new Map<string, VertexStatus>();

  constructor({ digest, inputs }: Pick<Vertex, "digest" | "inputs">, name: string, report: Report) {
    this.#report = report;
    this.#state = initial(digest, inputs, name);
  }

  /** What is said of a vertex before anything is done. */
  static pending({ digest, inputs }: Pick<Vertex, "digest" | "inputs">, name: string): BuildEvent {
    return { kind: "vertex", vertex: initial(digest, inputs, name) };
  }

  start(): void {
    this.#tell({ started: Date.now() });
  }

  end(cached: boolean): void {
    const now = Date.now();
    for (const status of this.#parts.values()) {
      if (status.completed === undefined)
        this.#report({ kind: "status", status: { ...status, completed: now } });
    }
    this.#tell({ completed: now, cached });
  }

  fail(error: unknown): void {
    this.#tell({ completed: Date.now(), error: messageOf(error) });
  }

  readonly log = (stream: 1 | 2, bytes: Uint8Array, time = Date.now()): void => {
    this.#report({ kind: "log", vertex: this.#state.digest, stream, bytes, time });
  };

  readonly progress = (part: string, current: number, total: number | undefined): void => {
    const time = Date.now();
    const known = this.#parts.get(part);
    const isComplete = total !== undefined && current >= total;
    const status: VertexStatus = {
      id: part,
      vertex: this.#state.digest,
      name: part,
      current,
      total,
      started: known?.started ?? time,
      completed: isComplete ? (known?.completed ?? time) : undefined,
      time,
    };
    this.#parts.set(part, status);
    this.#report({ kind: "status", status });
  };

  #tell(changes: Partial<VertexState>): void {
    this.#state = { ...this.#state, ...changes };
    this.#report({ kind: "vertex", vertex: this.#state });
  }
}

function initial(digest: Vertex["digest"], inputs: Vertex["inputs"], name: string): VertexState {
  return { digest, inputs, name, started: undefined, completed: undefined, cached: false, error: undefined };
}
