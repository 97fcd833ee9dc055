import { readdirSync, readFileSync } from "node:fs";
import { messageOf, newId, type OutputChunk, systemError } from "../lib/index.ts";
import { sendSignal } from "../linux/index.ts";
import type { ExecProcess } from "../runtime/index.ts";
import type { HealthcheckResult } from "../wire/index.ts";
import { goDuration, type HealthSettings } from "./health-settings.ts";
import type { ContainerRecord } from "./record.ts";
import type { StreamsHost } from "./streams-contract.ts";
import { nowText } from "./time.ts";

/** Docker keeps this much of what a probe prints. */
const MAX_OUTPUT = 4096;
const SIGKILL = 9;
const SIGSTOP = 19;
/** To start a process takes the host's time, not the probe's; but not for ever. */
const START_TIMEOUT = 30_000;

/** One run of a health check. Never rejects: what goes wrong is a result. Aborting kills the probe and its children. */
export async function probe(
  record: ContainerRecord,
  settings: HealthSettings,
  host: StreamsHost,
  signal: AbortSignal,
): Promise<HealthcheckResult> {
  const Start = nowText();
  const result = (ExitCode: number, Output: string) => ({ Start, End: nowText(), ExitCode, Output });
  if (settings.command.length === 0) {
    return result(-1, `healthcheck for container ${record.id} has no command`);
  }
  try {
    const { code, output } = await runProbe(record, settings, host, signal);
    return result(code, output);
  } catch (error) {
    return result(-1, messageOf(error));
  }
}

async function runProbe(
  record: ContainerRecord,
  settings: HealthSettings,
  host: StreamsHost,
  signal: AbortSignal,
): Promise<{ code: number; output: string }> {
  const execID = newId();
  const [entrypoint, ...args] = settings.command;
  const emit = (action: string, more = {}) => host.emit(record, action, { execID, ...more });
  emit(`exec_create: ${entrypoint} ${args.join(" ")}`);
  emit(`exec_start: ${entrypoint} ${args.join(" ")}`);
  await using process = await startProbe(record, settings, host);
  const output = new LimitedOutput();
  const drained = output.takeAll(process.output);
  const ending = new ProbeEnd(process, settings.timeout, signal);
  const { code } = await process.exited;
  ending.dispose();
  emit("exec_die", { exitCode: String(code) });
  if (ending.timedOut) return { code: -1, output: timeoutText(settings.timeout, output.text()) };
  await drained;
  return { code, output: output.text() };
}

/** A probe that starts after nobody waits for it any more is killed. */
async function startProbe(
  record: ContainerRecord,
  settings: HealthSettings,
  host: StreamsHost,
): Promise<ExecProcess> {
  const starting = host.exec(record, {
    args: settings.command,
    env: [],
    privileged: false,
    tty: false,
    stdin: false,
    stdout: true,
    stderr: true,
    detach: false,
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(systemError(`timed out starting health check for container ${record.id}`));
    starting.then(discard, () => {});
  }, START_TIMEOUT);
  try {
    return await Promise.race([starting, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function discard(process: ExecProcess): Promise<void> {
  killTree(process);
  await process[Symbol.asyncDispose]();
}

function timeoutText(timeout: number, output: string): string {
  const text = `Health check exceeded timeout (${goDuration(timeout)})`;
  return output === "" ? text : `${text}: ${output}`;
}

/** Kills the probe when its time is over or nobody wants its result any more. */
class ProbeEnd {
  timedOut = false;
  readonly #process: ExecProcess;
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #abort = () => killTree(this.#process);

  constructor(process: ExecProcess, timeout: number, signal: AbortSignal) {
    this.#process = process;
    this.#signal = signal;
    this.#timer = setTimeout(() => {
      this.timedOut = true;
      killTree(process);
    }, timeout);
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

/**
 * Kills a process and all that came from it: `sh -c "curl …"` must not leave its `curl` behind. Each is stopped before its
 * children are looked for, so that it cannot have another one meanwhile; once it is dead, they are somebody else's.
 */
function killTree(process: ExecProcess): void {
  const tree = stopTree(process.pid);
  process.kill(SIGKILL);
  for (const pid of tree) send(pid, SIGKILL);
}

function stopTree(pid: number): number[] {
  send(pid, SIGSTOP);
  return childrenOf(pid).flatMap((child) => [child, ...stopTree(child)]);
}

function send(pid: number, signal: number): void {
  try {
    sendSignal(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Each thread has children of its own (proc(5); kernels without `CONFIG_PROC_CHILDREN` tell none). */
function childrenOf(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const lists = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8"));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

/** The beginning of a probe's output; the rest is read and dropped. */
class LimitedOutput {
  #parts: Uint8Array[] = [];
  #room = MAX_OUTPUT;
  #cut = false;

  async takeAll(chunks: AsyncIterable<OutputChunk>): Promise<void> {
    try {
      for await (const { bytes } of chunks) this.#take(bytes);
    } catch {
      // What was read so far is what there is.
    }
  }

  text(): string {
    return Buffer.concat(this.#parts).toString() + (this.#cut ? "..." : "");
  }

  #take(bytes: Uint8Array): void {
    const kept = bytes.slice(0, this.#room);
    if (kept.length > 0) this.#parts.push(kept);
    this.#room -= kept.length;
    if (kept.length < bytes.length) this.#cut = true;
  }
}
