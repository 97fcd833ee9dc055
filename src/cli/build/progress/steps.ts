import type {
  StatusMessage,
  StatusProgress,
  StatusVertex,
  StatusWarning,
} from "../../../lib/buildkit/index.ts";

/** How many lines of a step are kept for when it fails. */
const LINES_KEPT = 200;

/** One step of a build, as it is shown. */
export interface Step {
  /** By the order in which they began to be shown. */
  readonly number: number;
  readonly digest: string;
  name: string;
  started: number | undefined;
  completed: number | undefined;
  cached: boolean;
  error: string;
  readonly parts: Map<string, StatusProgress>;
  /** The last lines that it printed, the last of which may not be complete. */
  readonly lines: string[];
  /** A line that has not ended. */
  open: boolean;
}

/** What is new with one message. */
export interface Change {
  readonly step: Step;
  readonly vertex?: StatusVertex;
  readonly part?: StatusProgress;
  /** Complete lines, and the time at which they came. */
  readonly lines?: readonly string[];
  readonly time?: number | undefined;
}

/** Puts together what an engine tells of a build. */
export class Steps {
  readonly #steps = new Map<string, Step>();
  readonly #decoders = new Map<string, { readonly decoder: TextDecoder; rest: string }>();
  readonly warnings: StatusWarning[] = [];

  /** In the order of their numbers. */
  get all(): readonly Step[] {
    return [...this.#steps.values()];
  }

  take(message: StatusMessage): Change[] {
    const changes: Change[] = [];
    const vertexes: Change[] = [];
    for (const vertex of message.vertexes) {
      const step = this.#vertex(vertex);
      if (step !== undefined) vertexes.push({ step, vertex });
    }
    for (const part of message.statuses) {
      const step = this.#steps.get(part.vertex);
      step?.parts.set(part.id, part);
      if (step !== undefined) changes.push({ step, part });
    }
    for (const log of message.logs) {
      const step = this.#steps.get(log.vertex);
      if (step === undefined) continue;
      const lines = this.#lines(step, log.stream, log.bytes);
      changes.push({ step, lines, time: log.time });
    }
    this.warnings.push(...message.warnings);
    // That a step has ended comes behind what it had to say.
    return [...changes, ...vertexes];
  }

  /** What was printed without a line's end, when a step is over. */
  unfinishedLines(step: Step): string[] {
    const lines: string[] = [];
    for (const stream of [1, 2]) {
      const key = `${step.digest}/${stream}`;
      const rest = this.#decoders.get(key)?.rest;
      this.#decoders.delete(key);
      if (rest) lines.push(rest);
    }
    step.lines.push(...lines);
    return lines;
  }

  #vertex(vertex: StatusVertex): Step | undefined {
    let step = this.#steps.get(vertex.digest);
    // What has not begun may never do so.
    if (step === undefined && vertex.started === undefined && !vertex.cached) return undefined;
    if (step === undefined) {
      step = {
        ...vertex,
        number: this.#steps.size + 1,
        parts: new Map(),
        lines: [],
        open: false,
      };
      this.#steps.set(vertex.digest, step);
    }
    const { name, started, completed, cached, error } = vertex;
    return Object.assign(step, { name, started: started ?? step.started, completed, cached, error });
  }

  #lines(step: Step, stream: number, bytes: Uint8Array): string[] {
    const key = `${step.digest}/${stream}`;
    const state = this.#decoders.get(key) ?? { decoder: new TextDecoder(), rest: "" };
    this.#decoders.set(key, state);
    const parts = (state.rest + state.decoder.decode(bytes, { stream: true })).split("\n");
    state.rest = parts.pop()!;
    const lines = parts.map(lastOverwritten);
    step.lines.push(...lines);
    if (step.lines.length > LINES_KEPT) step.lines.splice(0, step.lines.length - LINES_KEPT);
    return lines;
  }
}

/** Of a line that was written over with carriage returns, what one would see in the end. */
function lastOverwritten(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}
