import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type OutputChunk, STDOUT, type StreamInput } from "../lib/index.ts";
import { isAlive, processStartTime, sendSignal, watchDirectory } from "../linux/index.ts";
import type { ExecProcess } from "./contract.ts";
import type { ExecStart } from "./exec.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { RUNTIME_ENVIRONMENT } from "./programs.ts";
import { globalOptions } from "./runtime-command.ts";

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/** A process with a terminal: the runtime makes it in the container and copies between it and the one made here. */
export async function startTerminalExec(start: ExecStart): Promise<ExecProcess> {
  const { request, host } = start;
  const size = request.consoleSize ?? DEFAULT_SIZE;
  const output = new TerminalOutput(request.stdout && !request.detach);
  const input = new TerminalInput();
  const child = Bun.spawn(
    [
      host.program.executable,
      ...host.program.args,
      ...globalOptions(host.program.root, start.logPath),
      "exec",
      "--process",
      start.specPath,
      "--pid-file",
      start.pidPath,
      start.containerId,
    ],
    {
      cwd: "/",
      env: RUNTIME_ENVIRONMENT,
      terminal: {
        rows: size.rows,
        cols: size.columns,
        data: (_terminal, bytes) => output.push(bytes),
        drain: () => input.drained(),
        exit: () => output.end(),
      },
    },
  );
  const { terminal } = child;
  // Nothing of what it is given may be echoed or edited here: that is done in the container. But for line ends, which
  // the runtime turns off there and relies on here.
  terminal?.setRawMode(true);
  output.relay = child;
  input.terminal = terminal;
  const pid = await startedPid(start, child.exited);
  if (pid === undefined) {
    terminal?.close();
    throw runtimeFailure("exec", lastLoggedError(start.logPath) ?? `${host.program.path} failed`);
  }
  return new TerminalExec(pid, child, output, input, request.stdin && !request.detach);
}

/** The runtime writes the file when the process runs. One that has ended without it has failed. */
async function startedPid(
  { directory, pidPath }: ExecStart,
  ended: Promise<number>,
): Promise<number | undefined> {
  const { promise: written, resolve } = Promise.withResolvers<void>();
  using _watch = watchDirectory(directory, (name) => {
    if (name === basename(pidPath)) resolve();
  });
  if (readPid(pidPath) === undefined) await Promise.race([written, ended]);
  return readPid(pidPath);
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

type Relay = Bun.Subprocess;

/** Beyond this the relay is stopped until somebody has taken it all. */
const HIGH_WATER_BYTES = 256 << 10;
const SIGSTOP = 19;
const SIGCONT = 18;

/**
 * What the terminal printed and nobody has taken yet. Bun reads a terminal whether or not anybody wants it, so a slow
 * reader stops the relay (not the process, which then waits for its own terminal).
 */
class TerminalOutput implements AsyncIterable<OutputChunk> {
  relay: Relay | undefined;
  readonly #wanted: boolean;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #stopped = false;
  #ended = false;
  #abandoned = false;
  #wake: (() => void) | undefined;
  readonly #end = Promise.withResolvers<void>();

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  push(bytes: Uint8Array): void {
    if (!this.#wanted || this.#abandoned) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > HIGH_WATER_BYTES) this.#setStopped(true);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#end.resolve();
    this.#wake?.();
  }

  /** What comes from now on is thrown away. */
  abandon(): void {
    this.#abandoned = true;
    this.#chunks = [];
    this.#bytes = 0;
    this.#setStopped(false);
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void, undefined> {
    try {
      for (;;) {
        const bytes = this.#take();
        if (bytes) yield { stream: STDOUT, bytes };
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.abandon();
    }
  }

  #take(): Uint8Array | undefined {
    if (this.#chunks.length === 0) return undefined;
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    this.#setStopped(false);
    return bytes;
  }

  #setStopped(stopped: boolean): void {
    if (this.#stopped === stopped || !this.relay) return;
    this.#stopped = stopped;
    this.relay.kill(stopped ? SIGSTOP : SIGCONT);
  }
}

class TerminalExec implements ExecProcess {
  readonly pid: number;
  readonly output: TerminalOutput;
  readonly input?: StreamInput;
  readonly exited: Promise<{ code: number }>;
  readonly #child: Bun.Subprocess;
  readonly #startTime: string;

  constructor(
    pid: number,
    child: Bun.Subprocess,
    output: TerminalOutput,
    input: TerminalInput,
    wantsInput: boolean,
  ) {
    this.pid = pid;
    this.output = output;
    this.#child = child;
    this.#startTime = processStartTime(pid) ?? "";
    this.exited = child.exited.then((code) => ({ code }));
    this.exited.then(() => closeLater(child.terminal, output, input));
    if (wantsInput) this.input = input;
  }

  resize(rows: number, columns: number): void {
    if (this.#child.terminal && !this.#child.terminal.closed) this.#child.terminal.resize(columns, rows);
  }

  kill(signal: number): void {
    if (isAlive(this.pid, this.#startTime)) sendSignal(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.output.abandon();
  }
}

/** Milliseconds. A terminal whose last user has gone says so itself, after all that is left in it; usually before the process's end is known. */
const LAST_WORDS_MS = 500;

async function closeLater(
  terminal: Bun.Terminal | undefined,
  output: TerminalOutput,
  input: TerminalInput,
): Promise<void> {
  await Promise.race([output.ended, Bun.sleep(LAST_WORDS_MS)]);
  terminal?.close();
  output.end();
  input.drained();
}

/** What is typed. A terminal has no half-close: the process reads on until it, or the terminal, ends. */
class TerminalInput implements StreamInput {
  terminal: Bun.Terminal | undefined;
  #drained: (() => void) | undefined;
  #queue: Promise<void> = Promise.resolve();

  /** Bun takes any amount and says when it got rid of it, so one write waits for the one before. */
  write(bytes: Uint8Array): Promise<void> {
    this.#queue = this.#queue.then(() => this.#send(bytes));
    return this.#queue;
  }

  end(): void {}

  /** Everything that was written has arrived, or will never. */
  drained(): void {
    this.#drained?.();
    this.#drained = undefined;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { terminal } = this;
    if (!terminal || terminal.closed || bytes.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    terminal.write(bytes);
    await promise;
  }
}
