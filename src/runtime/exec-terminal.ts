import { join } from "node:path";
import { type OutputChunk, STDOUT, type StreamInput } from "../lib/index.ts";
import { ConsoleSocket, isAlive, processStartTime, sendSignal, type Terminal } from "../linux/index.ts";
import type { ExecProcess, ExecRequest } from "./contract.ts";
import type { ExecStart } from "./exec.ts";
import { exitOf } from "./exec-exit.ts";
import { giveUp, startExecMonitor, startedPid } from "./exec-monitor.ts";
import type { MonitorProcess } from "./monitor.ts";

export const DEFAULT_SIZE = { rows: 24, columns: 80 };
/** In the directory that conmon and the runtime work in: the path of a socket must be short. */
const SOCKET = "console";

/** A process with a terminal, which the runtime makes in the container and whose master it hands over. */
export async function startTerminalExec(start: ExecStart): Promise<ExecProcess> {
  if (start.request.detach) return startDetached(start);
  using socket = new ConsoleSocket(join(start.directory, SOCKET));
  const handOver = ["--runtime-opt=--console-socket", `--runtime-opt=${SOCKET}`];
  const monitor = startExecMonitor(start, ["--log-path=passthrough", ...handOver]);
  try {
    const pid = await startedPid(monitor, start);
    const terminal = socket.take();
    const { rows, columns } = start.request.consoleSize ?? DEFAULT_SIZE;
    terminal.resize(rows, columns);
    return new TerminalExec(pid, terminal, monitor, start.request);
  } catch (error) {
    giveUp(monitor);
    throw error;
  }
}

/** Nobody is to read or type, so conmon holds the terminal: the end of the daemon must not hang it up. */
async function startDetached(start: ExecStart): Promise<ExecProcess> {
  const monitor = startExecMonitor(start, ["--terminal", "--full-attach", "--log-path=none"]);
  try {
    return new DetachedExec(await startedPid(monitor, start), monitor);
  } catch (error) {
    giveUp(monitor);
    throw error;
  }
}

class DetachedExec implements ExecProcess {
  readonly pid: number;
  readonly output: AsyncIterable<OutputChunk> = nothing();
  readonly exited: Promise<{ code: number }>;
  readonly #startTime: string;

  constructor(pid: number, monitor: MonitorProcess) {
    this.pid = pid;
    this.#startTime = processStartTime(pid) ?? "";
    this.exited = exitOf(monitor);
  }

  resize(): void {
    // Nobody looks at it.
  }

  kill(signal: number): void {
    if (isAlive(this.pid, this.#startTime)) sendSignal(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function* nothing(): AsyncGenerator<OutputChunk, void, undefined> {}

/** Once the process has ended, what it printed is on its way through the kernel: silence this long means that it was all. */
const DRAIN_SILENCE_MS = 100;
/** What nobody wants is thrown away at a stretch, and the rest afterwards: at most some 200 MB/s. */
const DISCARD_BYTES = 1 << 20;
const DISCARD_REST_MS = 5;

class TerminalExec implements ExecProcess {
  readonly pid: number;
  readonly output: AsyncIterable<OutputChunk>;
  readonly input?: StreamInput;
  readonly exited: Promise<{ code: number }>;
  readonly #startTime: string;
  readonly #terminal: Terminal;
  #reads: Promise<Uint8Array | undefined> = Promise.resolve(undefined);
  #ended = false;
  #onEnded: () => void = () => {};
  #abandoned = false;

  constructor(pid: number, terminal: Terminal, monitor: MonitorProcess, request: ExecRequest) {
    this.pid = pid;
    this.#terminal = terminal;
    this.#startTime = processStartTime(pid) ?? "";
    this.exited = exitOf(monitor);
    this.exited.then(() => {
      this.#ended = true;
      this.#onEnded();
    });
    this.output = this.#read();
    // A terminal has no half-close: the process reads on until it, or the terminal, ends.
    if (request.stdin) this.input = { write: (bytes) => terminal.write(bytes), end() {} };
    if (!request.stdout) this.#abandon();
  }

  resize(rows: number, columns: number): void {
    this.#terminal.resize(rows, columns);
  }

  kill(signal: number): void {
    if (isAlive(this.pid, this.#startTime)) sendSignal(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abandon();
  }

  async *#read(): AsyncGenerator<OutputChunk, void, undefined> {
    try {
      while (!this.#abandoned) {
        const bytes = await this.#next();
        if (bytes === undefined) return;
        yield { stream: STDOUT, bytes };
      }
    } finally {
      this.#abandon();
    }
  }

  /** Nobody reads any more: what is printed from now on is thrown away, so that the process is not held up. */
  #abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    void this.#discard();
  }

  /** The terminal stays as long as its process, which it would hang up. */
  async #discard(): Promise<void> {
    let discarded = 0;
    for (let bytes = await this.#next(); bytes !== undefined; bytes = await this.#next()) {
      discarded += bytes.length;
      if (discarded < DISCARD_BYTES) continue;
      discarded = 0;
      await Bun.sleep(DISCARD_REST_MS);
    }
    await this.exited;
    this.#terminal.close();
  }

  /** One after the other. */
  #next(): Promise<Uint8Array | undefined> {
    this.#reads = this.#reads.then(() => this.#readOnce()).catch(() => undefined);
    return this.#reads;
  }

  /** @returns undefined when it is over: children of the process may hold the terminal for ever */
  async #readOnce(): Promise<Uint8Array | undefined> {
    const patience = new AbortController();
    let timer: Timer | undefined;
    this.#onEnded = () => (timer = setTimeout(() => patience.abort(), DRAIN_SILENCE_MS));
    if (this.#ended) this.#onEnded();
    try {
      return await this.#terminal.read(patience.signal);
    } finally {
      this.#onEnded = () => {};
      clearTimeout(timer);
    }
  }
}
