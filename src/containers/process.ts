import { conflict } from "../lib/index.ts";
import type { ExecProcess } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { isRestarting, notRunning } from "./errors.ts";
import { linkEnvironment } from "./links.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";
import type { ProcessRequest } from "./streams-contract.ts";

/**
 * Starts a further process in a running container, as `docker exec` does: what the request does not say is as
 * for the
 * container's own process. The user is looked up in the container's root as it is now.
 * @throws Conflict where the container does not run or is paused
 */
export async function startProcess(
  context: Context,
  record: ContainerRecord,
  request: ProcessRequest,
): Promise<ExecProcess> {
  assertExecutable(record);
  const { machine } = context;
  const runtime = await machine.runtimes.get(record.host.Runtime || undefined);
  const { config, host } = record;
  using root = machine.openRoot(`/proc/${record.state.pid}/root`);
  const user = machine.resolveUser(root, request.user || config.User || "", host.GroupAdd ?? []);
  return runtime.exec(record.id, {
    args: request.args,
    env: machine.environment({
      hostname: config.Hostname ?? "",
      tty: request.tty,
      env: [...linkEnvironment(context, record), ...(config.Env ?? []), ...request.env],
    }),
    cwd: request.cwd || config.WorkingDir || "/",
    user,
    host,
    privileged: request.privileged,
    tty: request.tty,
    ...(request.consoleSize === undefined ? {} : { consoleSize: request.consoleSize }),
    stdin: request.stdin,
    stdout: request.stdout,
    stderr: request.stderr,
    detach: request.detach,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
}

/** @throws Conflict in Docker's words */
export function assertExecutable(record: ContainerRecord): void {
  if (record.state.status === "restarting") throw isRestarting(record);
  if (!hasProcess(record)) throw notRunning(record);
  if (record.state.status === "paused") {
    throw conflict(`Container ${record.id} is paused, unpause the container before exec`);
  }
}
