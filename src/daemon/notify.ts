import { log, messageOf } from "../lib/index.ts";

/**
 * Tells a service manager that the daemon is ready or stopping (sd_notify(3)). Bun has no Unix datagram sockets, and
 * this happens twice in a daemon's life: systemd's own tool does it.
 */
export async function notifyServiceManager(state: "READY=1" | "STOPPING=1"): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  const tool = Bun.which("systemd-notify");
  if (tool === null) return log.warn("NOTIFY_SOCKET is set but systemd-notify is not installed");
  try {
    const child = Bun.spawn([tool, `--pid=${process.pid}`, state], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
  } catch (error) {
    log.warn("cannot notify the service manager", { error: messageOf(error) });
  }
}
