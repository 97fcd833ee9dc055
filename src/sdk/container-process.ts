import type { OutputChunk } from "../lib/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { ProcessOutput } from "./output.ts";
import type { ExecOptions } from "./run-options.ts";
import type { AttachedStream } from "./stream.ts";

/** A further process of a container. */
export class ContainerProcess implements Disposable {
  readonly #engine: Engine;
  readonly #stream: AttachedStream;
  readonly id: string;
  /** What it prints; ends when it has ended. */
  readonly output: ProcessOutput;

  constructor(engine: Engine, id: string, stream: AttachedStream) {
    this.#engine = engine;
    this.id = id;
    this.#stream = stream;
    this.output = new ProcessOutput(untilItsEnd(stream));
  }

  /** How it ended; to be asked for when its output has ended. */
  async exitCode(cancel?: Cancel): Promise<number> {
    const signal = signalOf(cancel);
    for (;;) {
      const { Running, ExitCode } = await this.#engine.execs.inspect(this.id, { signal });
      if (!Running) return ExitCode ?? 0;
      // Engines may close the stream a moment before they know of the end.
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Leaves; the process goes on. */
  [Symbol.dispose](): void {
    this.#stream.close();
  }
}

/** Nobody wants the connection when its output was read. */
async function* untilItsEnd(stream: AttachedStream): AsyncGenerator<OutputChunk, void, undefined> {
  try {
    yield* stream.output;
  } finally {
    stream.close();
  }
}

export async function startProcess(
  engine: Engine,
  container: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<ContainerProcess> {
  const { env = {}, workingDir, user, privileged, stdin, signal } = options;
  const config = {
    Cmd: [...command],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    ...(workingDir !== undefined && { WorkingDir: workingDir }),
    ...(user !== undefined && { User: user }),
    ...(privileged !== undefined && { Privileged: privileged }),
  };
  const id = await engine.execs.create(container, config, signal);
  const stream = await engine.execs.start(id, { tty: false, ...(signal && { signal }) });
  if (stdin !== undefined) void feed(stream, stdin);
  return new ContainerProcess(engine, id, stream);
}

/** A process may end without having read everything; a source that fails takes the stream with it. */
async function feed(stream: AttachedStream, stdin: NonNullable<ExecOptions["stdin"]>): Promise<void> {
  try {
    if (typeof stdin === "string") await stream.write(new TextEncoder().encode(stdin));
    else if (stdin instanceof Uint8Array) await stream.write(stdin);
    else await feedFrom(stream, stdin);
  } catch {
    return;
  }
  stream.end();
}

async function feedFrom(stream: AttachedStream, source: AsyncIterable<Uint8Array>): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      stream.close(error);
      throw error;
    });
    if (next.done === true) return;
    await stream.write(next.value);
  }
}
