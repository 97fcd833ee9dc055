import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { log, messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";
import { parseTime } from "./time.ts";

/** What networks change in a running container's files. */
export interface EtcChange {
  /** Lines of /etc/hosts, each with its line break. */
  readonly hosts: string;
  /** The new /etc/resolv.conf. */
  readonly resolvConf?: string;
}

/** Such a file is a screen long; one that a container has blown up is left alone. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The container has one more address, and perhaps another name server. */
export function addToEtcFiles(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  change: EtcChange,
): void {
  edit(context, record, "hosts", (text) => {
    const end = text === "" || text.endsWith("\n") ? "" : "\n";
    return `${text}${end}${change.hosts}`;
  });
  if (change.resolvConf !== undefined) replaceResolvConf(context, record, change.resolvConf);
}

/** The container has an address less: its line goes, once. */
export function takeFromEtcFiles(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  { hosts }: EtcChange,
): void {
  edit(context, record, "hosts", (text) => {
    const lines = text.split("\n");
    for (const line of hosts.split("\n").filter((one) => one !== "")) {
      const at = lines.lastIndexOf(line);
      if (at >= 0) lines.splice(at, 1);
    }
    return lines.join("\n");
  });
}

/** Lines of /etc/hosts whose first name is `name` have this address from now on. */
export function readdressInEtcHosts(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  name: string,
  address: string,
): void {
  edit(context, record, "hosts", (text) =>
    text
      .split("\n")
      .map((line) => (line.split(/\s+/)[1] === name ? line.replace(/^\S+/, address) : line))
      .join("\n"),
  );
}

/** The line of /etc/hosts whose first name is `name` goes. */
export function removeFromEtcHosts(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  name: string,
): void {
  edit(context, record, "hosts", (text) =>
    text
      .split("\n")
      .filter((line) => line.split(/\s+/)[1] !== name)
      .join("\n"),
  );
}

/** What the container's user has written into it himself stays, as in Docker. */
function replaceResolvConf(context: Pick<Context, "paths">, record: ContainerRecord, text: string): void {
  const started = parseTime(record.state.startedAt);
  edit(context, record, "resolv.conf", (old, modifiedMs) => (modifiedMs > started ? old : text));
}

/**
 * Changes a file that a container has mounted, in place: it is mounted itself, so no other can take its place. What is
 * in it is the container's; a failure is told to the log, since the network works without.
 */
function edit(
  { paths }: Pick<Context, "paths">,
  record: ContainerRecord,
  name: "hosts" | "resolv.conf",
  change: (text: string, modifiedMs: number) => string,
): void {
  let fd: number | undefined;
  try {
    fd = openSync(
      paths.file(record.id, name),
      constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > FILE_BYTES_MAX) throw new Error("it is no small file any more");
    // Bytes as they are: nobody says that the file is UTF-8.
    const bytes = Buffer.alloc(stat.size);
    const old = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)).toString("latin1");
    const next = change(old, stat.mtimeMs);
    if (next === old) return;
    // Whoever reads meanwhile finds the beginning of the one or the other, never nothing.
    const wanted = Buffer.from(next, "latin1");
    writeSync(fd, wanted, 0, wanted.length, 0);
    ftruncateSync(fd, wanted.length);
  } catch (error) {
    log.warn("cannot change a running container's file", {
      container: record.id,
      file: `/etc/${name}`,
      reason: messageOf(error),
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
