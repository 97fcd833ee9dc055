import { log, messageOf } from "../lib/index.ts";
import { connectDatagram } from "../linux/index.ts";

/**
 * Tells a service manager how the daemon is (sd_notify(3)): from this process itself, so that `NotifyAccess=main` is
 * enough. A socket that is no file (`@…`) is left to systemd's own tool.
 */
export async function notifyServiceManager(state: "READY=1" | "STOPPING=1"): Promise<void> {
  const socket = process.env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return;
  try {
    if (socket.startsWith("/")) await send(socket, `${state}\nMAINPID=${process.pid}`);
    else await runTool(state);
  } catch (error) {
    log.warn("cannot notify the service manager", { error: messageOf(error) });
  }
}

async function send(path: string, text: string): Promise<void> {
  using socket = connectDatagram(path);
  await socket.send(Buffer.from(text));
}

async function runTool(state: string): Promise<void> {
  const tool = Bun.which("systemd-notify");
  if (tool === null) return log.warn("NOTIFY_SOCKET is no file and systemd-notify is not installed");
  const child = Bun.spawn([tool, `--pid=${process.pid}`, state], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await child.exited;
}
