import { encodeStatus, type StatusMessage } from "../../lib/buildkit/index.ts";
import type { BuildEvent, BuildWarning, VertexState, VertexStatus } from "./events.ts";
import { NOT_SHOWN } from "./names.ts";

/** How long events wait for others to travel with. */
const BATCH_MS = 80;
/** BuildKit's limit of what a step's log may have. */
const LOG_BYTES_MAX = 2 << 20;

type Batch = { -readonly [K in keyof StatusMessage]: StatusMessage[K][number][] };

const emptyBatch = (): Batch => ({ vertexes: [], statuses: [], logs: [], warnings: [] });

/** Puts a build's events together into messages of BuildKit's (`StatusResponse`). Dispose of it: that sends what is left. */
export class TraceStream implements Disposable {
  readonly #send: (message: Uint8Array) => void;
  readonly #logged = new Map<string, number>();
  readonly #notShown = new Set<string>();
  #batch = emptyBatch();
  #timer: Timer | undefined;

  constructor(send: (message: Uint8Array) => void) {
    this.#send = send;
  }

  readonly report = (event: BuildEvent): void => {
    this.#add(event);
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  };

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch;
    if (Object.values(batch).every((list) => list.length === 0)) return;
    this.#batch = emptyBatch();
    this.#send(encodeStatus(batch));
  }

  [Symbol.dispose](): void {
    this.flush();
  }

  #add(event: BuildEvent): void {
    const batch = this.#batch;
    if (event.kind === "vertex") this.#addVertex(event.vertex);
    else if (event.kind === "status") this.#addStatus(statusOf(event.status));
    else if (event.kind === "warning") batch.warnings.push(warningOf(event.vertex ?? "", event.warning));
    else {
      const { vertex, time, stream } = event;
      const bytes = this.#clipped(vertex, event.bytes);
      if (bytes !== undefined) batch.logs.push({ vertex, time, stream, bytes });
    }
  }

  #addVertex(state: VertexState): void {
    if (state.name === NOT_SHOWN) this.#notShown.add(state.digest);
    else {
      const inputs = state.inputs.filter((input) => !this.#notShown.has(input));
      this.#batch.vertexes.push(vertexOf({ ...state, inputs }));
    }
  }

  /** What is said of a part replaces what was said before. */
  #addStatus(status: StatusMessage["statuses"][number]): void {
    const { statuses } = this.#batch;
    const at = statuses.findIndex(({ id, vertex }) => id === status.id && vertex === status.vertex);
    if (at < 0) statuses.push(status);
    else statuses[at] = status;
  }

  /** A step that prints without end must not fill the client's memory, nor ours where the client is slow. */
  #clipped(vertex: string, bytes: Uint8Array): Uint8Array | undefined {
    const before = this.#logged.get(vertex) ?? 0;
    this.#logged.set(vertex, before + bytes.length);
    if (before + bytes.length <= LOG_BYTES_MAX) return bytes;
    if (before > LOG_BYTES_MAX) return undefined;
    return Buffer.concat([bytes.subarray(0, LOG_BYTES_MAX - before), CLIPPED]);
  }
}

const CLIPPED = Buffer.from("\n[output clipped, log limit 2MiB reached]\n");

function vertexOf({ digest, inputs, name, cached, started, completed, error }: VertexState) {
  return { digest, inputs, name, cached, started, completed, error: error ?? "" };
}

function statusOf({ id, vertex, name, current, total, time, started, completed }: VertexStatus) {
  return { id, vertex, name, current, total: total ?? 0, time, started, completed };
}

function warningOf(vertex: string, warning: BuildWarning) {
  const { level, short, detail, url, fileName = "", fileText = "", lines } = warning;
  return {
    vertex,
    level,
    short,
    detail,
    url,
    fileName,
    fileText,
    ranges: lines === undefined ? [] : [lines],
  };
}
