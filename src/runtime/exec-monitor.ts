import { join } from "node:path";
import { newId } from "../lib/index.ts";
import type { ExecStart } from "./exec.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { type MonitorProcess, startMonitor } from "./monitor.ts";

/** What a monitor's own descriptors are; nothing where it needs none. */
type MonitorStreams = Pick<Parameters<typeof startMonitor>[0], "stdin" | "output">;

const NO_STREAMS: MonitorStreams = { stdin: "ignore", output: { stdout: "ignore", stderr: "ignore" } };

/**
 * The monitor of a further process of a container.
 * @param args what it does with the process's output and terminal
 */
export function startExecMonitor(
  { host, directory, containerId, logPath, specPath, pidPath }: ExecStart,
  args: readonly string[],
  streams: MonitorStreams = NO_STREAMS,
): MonitorProcess {
  return startMonitor({
    path: host.conmonPath,
    runtime: host.program,
    containerId,
    runtimeLog: logPath,
    directory,
    temporaryDirectory: join(host.execRoot, "tmp"),
    args: [
      "--exec",
      // Its end is that of the process: a child that forked itself away would have ended at once.
      "--sync",
      `--cuuid=${newId()}`,
      `--exec-process-spec=${specPath}`,
      `--container-pidfile=${pidPath}`,
      ...args,
    ],
    ...streams,
  });
}

/** @throws RuntimeError where the process cannot be started */
export async function startedPid(
  monitor: MonitorProcess,
  { request, logPath, host }: Pick<ExecStart, "request" | "logPath" | "host">,
): Promise<number> {
  const answer = await monitor.next();
  request.signal?.throwIfAborted();
  if (answer !== undefined && answer.data > 0) return answer.data;
  const failed = { step: "exec", executable: request.args[0] } as const;
  const words = lastLoggedError(logPath, host.program.dialect, failed);
  throw runtimeFailure("exec", words ?? answer?.message ?? "the monitor was killed");
}

/** Ends a monitor whose process could not be started. */
export function giveUp(monitor: MonitorProcess): void {
  monitor.child.kill("SIGKILL");
  monitor.close();
}
