import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { run } from "../../scripts/lib/shell.ts";

/** Of engines whose data root is not the default one: 8 hex digits of its SHA-256. */
const TABLE = /^berth-([0-9a-f]{8})$/;
const BRIDGE = /^br-([0-9a-f]{8})$/;

export interface StaleNetworks {
  readonly tables: readonly string[];
  readonly bridges: readonly string[];
}

/**
 * Packet filter tables and bridges of engines that are gone: those of a test that was killed. Their rules would lead
 * the ports of later tests astray. What belongs to a living daemon or to a living container is none of them.
 */
export async function findStaleNetworks(): Promise<StaleNetworks> {
  const owned = ownedSuffixes();
  const isStale = (pattern: RegExp) => (name: string) => {
    const suffix = pattern.exec(name)?.[1];
    return suffix !== undefined && !owned.has(suffix) && !hasPorts(`br-${suffix}`);
  };
  return {
    tables: (await tableNames()).filter(isStale(TABLE)),
    bridges: readdirSync("/sys/class/net").filter(isStale(BRIDGE)).filter(isBridge),
  };
}

/** Takes them away, and says which. */
export async function sweepStaleNetworks(): Promise<string[]> {
  const { tables, bridges } = await findStaleNetworks();
  for (const table of tables) await run(["nft", "delete", "table", "inet", table]);
  for (const bridge of bridges) await run(["ip", "link", "delete", bridge, "type", "bridge"]);
  return [...tables, ...bridges];
}

async function tableNames(): Promise<string[]> {
  const { stdout } = await run(["nft", "list", "tables", "inet"]);
  return [...stdout.matchAll(/^table inet (\S+)$/gm)].map(([, name]) => name!);
}

const isBridge = (link: string) => existsSync(`/sys/class/net/${link}/bridge`);

/** Something is plugged into the bridge, if there is one. */
function hasPorts(bridge: string): boolean {
  const ports = `/sys/class/net/${bridge}/brif`;
  return existsSync(ports) && readdirSync(ports).length > 0;
}

/** What the names of all engines end with that have a daemon, or a monitor of a container. */
function ownedSuffixes(): Set<string> {
  const roots = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => [...openDataRoots(pid), ...loggedDataRoots(pid)]);
  return new Set(roots.map((root) => createHash("sha256").update(root).digest("hex").slice(0, 8)));
}

/** Whichever way its data root was told to it, a daemon has the database there open. */
function openDataRoots(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return attempt(() => readdirSync(folder))
    .map((descriptor) => attempt(() => [readlinkSync(`${folder}/${descriptor}`)])[0] ?? "")
    .filter((path) => path.endsWith("/berth.db"))
    .map(dirname);
}

/** A monitor outlives its daemon; it knows the container's log, which is below the data root. */
function loggedDataRoots(pid: string): string[] {
  const command = attempt(() => [readFileSync(`/proc/${pid}/cmdline`, "utf8")])[0] ?? "";
  const log = /(?:^|\0)--log-path=[^\0]*?:(\/[^\0]*)\/containers\/[0-9a-f]{64}\//.exec(command);
  return log === null ? [] : [log[1]!];
}

/** What a process that ends meanwhile has is nothing. */
function attempt(work: () => string[]): string[] {
  try {
    return work();
  } catch {
    return [];
  }
}
