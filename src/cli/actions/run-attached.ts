import { messageOf } from "../../lib/index.ts";
import type { ContainerCreateRequest, ContainerWaitResponse } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { runSession } from "../terminal/session.ts";
import { forwardSignals } from "../terminal/signals.ts";
import { followTerminalSize } from "../terminal/terminal-size.ts";
import { startError } from "./run-errors.ts";

export interface RunAttachedOptions {
  readonly rm: boolean;
  readonly "detach-keys": string;
  readonly "sig-proxy": boolean;
  /** Something to do when it runs. */
  readonly onStarted?: () => Promise<void>;
  /** What a failed start is told as; as that of `run` unless given. */
  readonly startFailure?: (error: unknown) => unknown;
}

/**
 * Starts a container joined to this process's streams, and gives its exit code. The streams are attached and
 * the exit watched before the start, so that nothing of a short life is missed.
 */
export async function runAttached(
  cli: Cli,
  id: string,
  request: ContainerCreateRequest,
  options: RunAttachedOptions,
): Promise<number> {
  using _signals = options["sig-proxy"] ? forwardSignals(cli, id) : undefined;
  const { containers } = await cli.engine();
  const tty = request.Tty === true;
  const detachKeys = options["detach-keys"] || ((await cli.config()).detachKeys ?? "");
  const stdin = request.AttachStdin === true;
  const [stdout, stderr] = [request.AttachStdout === true, request.AttachStderr === true];
  const [stream, exit] = await Promise.all([
    containers.attach(id, { stdin, stdout, stderr, detachKeys, tty }),
    containers.watch(id, options.rm ? "removed" : "next-exit"),
  ]);
  const exited = exitCode(cli, exit.result);
  const session = runSession(cli, stream, { stdin, output: stdout || stderr, detachKeys });
  // Until somebody waits for it, its failure is nobody\'s.
  session.catch(() => {});
  try {
    await containers.start(id);
  } catch (error) {
    stream.close();
    await session.catch(() => {});
    // The engine removes a container that it could not start: wait, so that its name is free.
    if (options.rm) await exited;
    throw (options.startFailure ?? startError)(error);
  }
  await options.onStarted?.();
  using _size = tty
    ? followTerminalSize(cli, (rows, columns) => containers.resize(id, rows, columns))
    : undefined;
  if (!stdout && !stderr) {
    const first = await Promise.race([session, exited]);
    stream.close();
    return first === "detached" ? 0 : exited;
  }
  return (await session) === "detached" ? 0 : exited;
}

async function exitCode(cli: Cli, result: Promise<ContainerWaitResponse>): Promise<number> {
  try {
    const { StatusCode, Error: failure } = await result;
    if (failure?.Message === undefined || failure.Message === "") return StatusCode;
    cli.note(`Error waiting for container: ${failure.Message}`);
  } catch (error) {
    cli.note(`error waiting for container: ${messageOf(error)}`);
  }
  return 125;
}
