import type { FileSink } from "bun";
import { type OutputStream, STDERR, STDOUT, type StreamInput } from "../lib/index.ts";
import {
  closeDescriptor,
  createPipe,
  isAlive,
  type Pipe,
  processStartTime,
  sendSignal,
} from "../linux/index.ts";
import type { ExecProcess } from "./contract.ts";
import type { ExecStart } from "./exec.ts";
import { exitOf } from "./exec-exit.ts";
import { giveUp, startExecMonitor, startedPid } from "./exec-monitor.ts";
import type { MonitorProcess } from "./monitor.ts";
import { MergedOutput, type OutputSource } from "./output.ts";

/** A process with pipes. conmon's driver `passthrough` gives it our descriptors and keeps none. */
export async function startPipedExec(start: ExecStart): Promise<ExecProcess> {
  const { request } = start;
  const wants = (stream: boolean) => (stream && !request.detach ? createPipe() : undefined);
  const pipes: Pipes = {
    stdin: wants(request.stdin),
    stdout: wants(request.stdout),
    stderr: wants(request.stderr),
  };
  const monitor = startPiped(start, pipes);
  const output = new MergedOutput([...sourceOf(STDOUT, pipes.stdout), ...sourceOf(STDERR, pipes.stderr)]);
  const input = pipes.stdin && new PipeInput(pipes.stdin.write);
  try {
    return new PipedExec(await startedPid(monitor, start), monitor, output, input);
  } catch (error) {
    giveUp(monitor);
    input?.end();
    await output.close();
    throw error;
  }
}

/** The ends that the process has are closed here, whether it could be started or not. */
function startPiped(start: ExecStart, pipes: Pipes): MonitorProcess {
  try {
    return startExecMonitor(start, ["--log-path=passthrough"], {
      stdin: pipes.stdin?.read ?? "ignore",
      output: { stdout: pipes.stdout?.write ?? "ignore", stderr: pipes.stderr?.write ?? "ignore" },
    });
  } catch (error) {
    for (const end of [pipes.stdin?.write, pipes.stdout?.read, pipes.stderr?.read]) closeIfOpen(end);
    throw error;
  } finally {
    for (const end of [pipes.stdin?.read, pipes.stdout?.write, pipes.stderr?.write]) closeIfOpen(end);
  }
}

function closeIfOpen(descriptor: number | undefined): void {
  if (descriptor !== undefined) closeDescriptor(descriptor);
}

interface Pipes {
  readonly stdin: Pipe | undefined;
  readonly stdout: Pipe | undefined;
  readonly stderr: Pipe | undefined;
}

function sourceOf(stream: OutputStream, pipe: Pipe | undefined): OutputSource[] {
  if (pipe === undefined) return [];
  return [{ stream, bytes: Bun.file(pipe.read).stream(), close: () => closeDescriptor(pipe.read) }];
}

class PipedExec implements ExecProcess {
  readonly pid: number;
  readonly output: ExecProcess["output"];
  readonly input?: PipeInput;
  readonly exited: Promise<{ code: number }>;
  readonly #merged: MergedOutput;
  readonly #startTime: string;

  constructor(pid: number, monitor: MonitorProcess, merged: MergedOutput, input: PipeInput | undefined) {
    this.pid = pid;
    this.#merged = merged;
    this.#startTime = processStartTime(pid) ?? "";
    this.exited = exitOf(monitor);
    this.exited.then(() => merged.processEnded());
    this.output = merged.chunks();
    if (input !== undefined) this.input = input;
  }

  resize(): void {
    // There is no terminal.
  }

  kill(signal: number): void {
    if (isAlive(this.pid, this.#startTime)) sendSignal(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.input?.end();
    await this.#merged.close();
  }
}

/** The writing end of a process's standard input. A process that reads no more makes writes end, not fail. */
export class PipeInput implements StreamInput {
  readonly #descriptor: number;
  readonly #sink: FileSink;
  #ended = false;

  /** Takes over the descriptor. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#sink = Bun.file(descriptor).writer();
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) return;
    try {
      // Both may fail, and both only later.
      await this.#sink.write(bytes);
      await this.#sink.flush();
    } catch {
      this.end();
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#finish().catch(() => {});
  }

  async #finish(): Promise<void> {
    try {
      await this.#sink.end();
    } finally {
      // The sink never closes a descriptor that it did not open.
      closeDescriptor(this.#descriptor);
    }
  }
}
