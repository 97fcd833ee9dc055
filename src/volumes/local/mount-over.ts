import { lookup } from "node:dns/promises";
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, systemError } from "../../lib/index.ts";
import { bindMount, mountsBelow, mountTmpfs } from "../../linux/index.ts";
import { isBind, isNetworkMount, type LocalMount } from "./options.ts";

/** A server that does not answer holds mount(2) for minutes; then we give up. */
const MOUNT_TIMEOUT_MS = 120_000;
const UNMOUNT_TIMEOUT_MS = 30_000;

/**
 * Mounts what a volume's options say over its directory.
 *
 * What the kernel does at once is asked of it directly. Everything else goes through mount(8) without its helpers,
 * in a process of its own: a network file system may keep its caller waiting, and the daemon must not wait.
 * @throws System with the kernel's reason
 */
export async function mountOver(path: string, mount: LocalMount): Promise<void> {
  try {
    if (mount.type === "tmpfs" && !isBind(mount)) {
      mountTmpfs(path, { options: mount.options });
    } else if (isPlainBind(mount)) {
      bindMount(mount.device, path, {
        recursive: mount.options.includes("rbind"),
        readOnly: mount.options.includes("ro"),
      });
    } else {
      await runMount(path, { ...mount, options: await resolveAddress(mount) });
    }
  } catch (error) {
    throw systemError(
      `failed to mount local volume: mount ${mount.device}:${path}, data: ${mount.options.join(",")}: ${messageOf(error)}`,
      error,
    );
  }
}

/** Whether something is mounted at a path, without touching it: a server that is gone would keep us waiting. */
export function isMounted(path: string): boolean {
  if (!existsSync(dirname(path))) return false;
  const real = join(realpathSync(dirname(path)), basename(path));
  return mountsBelow(real).some((mount) => mount.target === real);
}

/** Takes a network file system away at once; what is still to be written goes out, or waits, without the daemon. */
export async function unmountNetwork(path: string): Promise<void> {
  if (!isMounted(path)) return;
  await run(["umount", "-i", "-l", "--", path], UNMOUNT_TIMEOUT_MS);
}

function isPlainBind(mount: LocalMount): boolean {
  return isBind(mount) && mount.options.every((option) => ["bind", "rbind", "ro", "rw"].includes(option));
}

/** The kernel takes a server's address, not its name; mount.nfs would translate it, and so does Docker. */
async function resolveAddress(mount: LocalMount): Promise<readonly string[]> {
  if (!isNetworkMount(mount)) return mount.options;
  return await Promise.all(
    mount.options.map(async (option) => {
      if (!option.startsWith("addr=")) return option;
      const { address } = await lookup(option.slice("addr=".length));
      return `addr=${address}`;
    }),
  );
}

async function runMount(path: string, mount: LocalMount): Promise<void> {
  const options = mount.options.length === 0 ? [] : ["-o", mount.options.join(",")];
  const type = mount.type === "" ? "none" : mount.type;
  await run(["mount", "-i", "-t", type, ...options, "--", mount.device, path], MOUNT_TIMEOUT_MS);
}

async function run(command: string[], timeoutMs: number): Promise<void> {
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) === 0) return;
  const reason = complaint.replace(/\s*dmesg\(1\) may have more information.*/s, "").trim();
  throw new Error(reason.replaceAll(/\s*\n\s*/g, " ") || `${command[0]} was ended before it was done`);
}
