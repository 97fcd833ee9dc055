import { STDERR, systemError } from "../lib/index.ts";
import type { Application } from "./application.ts";
import { environmentList } from "./create/environment.ts";
import type { Hook } from "./model/index.ts";
import type { Project } from "./project/index.ts";
import type { ServiceContainer } from "./state/index.ts";

/** What a hook prints, as it comes. */
export type HookChunk = (container: ServiceContainer, chunk: Uint8Array) => void;

/**
 * Runs a service's `post_start` or `pre_stop` commands in a container of it, one after another. The first that fails ends
 * it.
 *
 * @throws System `web hook exited with status 3: …` with the last of what the command said.
 */
export async function runHooks(
  app: Application,
  container: ServiceContainer,
  hooks: readonly Hook[] | undefined,
  onOutput?: HookChunk,
): Promise<void> {
  if (app.dryRun) return;
  for (const hook of hooks ?? []) await runHook(app, container, hook, onOutput);
}

async function runHook(
  { engine, project, signal }: Application,
  container: ServiceContainer,
  hook: Hook,
  onOutput: HookChunk | undefined,
): Promise<void> {
  const { command, user, privileged, working_dir, environment } = hook;
  const exec = await engine.execs.create(container.id, {
    Cmd: command ?? [],
    AttachStdout: true,
    AttachStderr: true,
    Env: environmentList(variables(environment, project)),
    ...(user ? { User: user } : {}),
    ...(privileged === true ? { Privileged: true } : {}),
    ...(working_dir ? { WorkingDir: working_dir } : {}),
  });
  const tails = { out: new Tail(), error: new Tail() };
  using stream = await engine.execs.start(exec, { tty: false, ...(signal === undefined ? {} : { signal }) });
  for await (const { stream: from, bytes } of stream.output) {
    onOutput?.(container, bytes);
    (from === STDERR ? tails.error : tails.out).add(bytes);
  }
  signal?.throwIfAborted();
  const { ExitCode } = await engine.execs.inspect(exec);
  if (!ExitCode) return;
  // What went wrong usually stands in the error output, the other is progress.
  const said = tails.error.text() || tails.out.text();
  const message = `${container.service} hook exited with status ${ExitCode}`;
  throw systemError(said === "" ? message : `${message}: ${said}`);
}

/** A variable that was only named has the value it has outside, or is left out. */
function variables(environment: Hook["environment"], { environment: outside }: Project): [string, string][] {
  return Object.entries(environment ?? {}).flatMap(([name, value]): [string, string][] => {
    const found = value ?? outside.get(name);
    return found === undefined ? [] : [[name, found]];
  });
}

const TAIL_BYTES = 2048;
const TAIL_LINES = 10;

/** The last lines of an output that may be long. */
class Tail {
  #bytes = Buffer.alloc(0);

  add(chunk: Uint8Array): void {
    const all = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk]);
    // A copy, which does not keep a large chunk alive.
    this.#bytes = Buffer.from(all.subarray(Math.max(0, all.length - TAIL_BYTES)));
  }

  /** Of a line that was drawn over and over, what it showed in the end. */
  text(): string {
    const lines = this.#bytes
      .toString("utf8")
      .split("\n")
      .map((line) => line.replace(/\r+$/, ""))
      .map((line) => line.slice(line.lastIndexOf("\r") + 1).trimEnd())
      .filter((line) => line.trim() !== "");
    return lines.slice(-TAIL_LINES).join("\n").trim();
  }
}
