import type { NetworkHost } from "../host.ts";
import { firstExisting } from "../host-programs.ts";

/** iproute2, where distributions put it; a `PATH` is not to be trusted with root's programs. */
const COMMANDS = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/**
 * Deletes a link of the host. The kernel makes the caller wait until no processor can still be using it, some 20 ms:
 * another process waits in our place where iproute2 is installed. Nothing happens where there is no such link.
 */
export async function deleteLink(host: NetworkHost, name: string): Promise<void> {
  if (host.routes.link(name) === undefined) return;
  const command = firstExisting(COMMANDS);
  if (command !== undefined) {
    const child = host.run(() =>
      Bun.spawn([command, "link", "delete", "dev", name], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        env: {},
      }),
    );
    await child.exited;
  }
  if (host.routes.link(name) !== undefined) host.routes.deleteLink(name);
}
