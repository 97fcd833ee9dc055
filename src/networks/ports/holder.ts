import { readdir, readFile, readlink } from "node:fs/promises";
import type { Protocol } from "./requests.ts";

/** A busy host has thousands of processes; an error message is not worth more. */
const PROCESSES_MAX = 4096;

/**
 * The program that has a host port, as a person would name it (`nginx (pid 812)`); undefined where it cannot be
 * told. Only for error messages: it reads much of /proc.
 */
export async function holderOf(protocol: Protocol, port: number): Promise<string | undefined> {
  const inodes = await socketsOn(protocol, port);
  if (inodes.size === 0) return undefined;
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX);
  for (const pid of processes) {
    if (await owns(pid, inodes)) {
      const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
      return `${name.trim() || "a process"} (pid ${pid})`;
    }
  }
  return undefined;
}

/** Inodes of the sockets that are bound there; of TCP's only those that listen (state 0A). */
async function socketsOn(protocol: Protocol, port: number): Promise<Set<string>> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    const text = await readFile(`/proc/net/${table}`, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(wanted) && (protocol !== "tcp" || fields[3] === "0A"))
        inodes.add(fields[9] ?? "");
    }
  }
  inodes.delete("");
  inodes.delete("0");
  return inodes;
}

async function owns(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}
