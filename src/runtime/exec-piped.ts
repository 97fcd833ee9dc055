import { join } from "node:path";
import type { FileSink } from "bun";
import { newId, type StreamInput } from "../lib/index.ts";
import { isAlive, processStartTime, sendSignal } from "../linux/index.ts";
import type { ExecProcess } from "./contract.ts";
import type { ExecStart } from "./exec.ts";
import { exitOf } from "./exec-exit.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { type MonitorProcess, startMonitor } from "./monitor.ts";
import { MergedOutput, pipedSources } from "./output.ts";

/** A process with pipes. conmon's driver `passthrough` gives it our descriptors and keeps none. */
export async function startPipedExec(start: ExecStart): Promise<ExecProcess> {
  const { request, host, directory } = start;
  const wants = (stream: boolean) => (stream && !request.detach ? "pipe" : "ignore");
  const monitor = startMonitor({
    path: host.conmonPath,
    runtime: host.program,
    containerId: start.containerId,
    runtimeLog: start.logPath,
    directory,
    temporaryDirectory: join(host.execRoot, "tmp"),
    args: [
      "--exec",
      // Bun lets go of the pipes of a child that has ended, so this one must not fork itself away.
      "--sync",
      `--cuuid=${newId()}`,
      `--exec-process-spec=${start.specPath}`,
      `--container-pidfile=${start.pidPath}`,
      "--log-path=passthrough",
    ],
    stdin: wants(request.stdin),
    output: { stdout: wants(request.stdout), stderr: wants(request.stderr) },
  });
  const output = new MergedOutput(pipedSources(monitor.child));
  try {
    const answer = await monitor.next();
    request.signal?.throwIfAborted();
    if (answer === undefined || answer.data <= 0) {
      throw runtimeFailure(
        "exec",
        lastLoggedError(start.logPath) ?? answer?.message ?? "the monitor was killed",
      );
    }
    return new PipedExec(answer.data, monitor, output);
  } catch (error) {
    monitor.child.kill("SIGKILL");
    monitor.close();
    await closeStreams(monitor.child, output);
    throw error;
  }
}

class PipedExec implements ExecProcess {
  readonly pid: number;
  readonly output: ExecProcess["output"];
  readonly input?: StreamInput;
  readonly exited: Promise<{ code: number }>;
  readonly #child: Bun.Subprocess;
  readonly #merged: MergedOutput;
  readonly #startTime: string;

  constructor(pid: number, monitor: MonitorProcess, merged: MergedOutput) {
    this.pid = pid;
    this.#child = monitor.child;
    this.#merged = merged;
    this.#startTime = processStartTime(pid) ?? "";
    this.exited = exitOf(monitor);
    this.exited.then(() => merged.processEnded());
    this.output = merged.chunks();
    const { stdin } = monitor.child;
    if (stdin && typeof stdin === "object") this.input = new PipeInput(stdin);
  }

  resize(): void {
    // There is no terminal.
  }

  kill(signal: number): void {
    if (isAlive(this.pid, this.#startTime)) sendSignal(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeStreams(this.#child, this.#merged);
  }
}

async function closeStreams(child: Bun.Subprocess, output: MergedOutput): Promise<void> {
  await output.close();
  if (child.stdin && typeof child.stdin === "object") new PipeInput(child.stdin).end();
}

/** The writing end of a process's standard input. A process that reads no more makes writes end, not fail. */
export class PipeInput implements StreamInput {
  readonly #sink: FileSink;
  #ended = false;

  constructor(sink: FileSink) {
    this.#sink = sink;
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
    await this.#sink.end();
  }
}
