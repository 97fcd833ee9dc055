import { basename } from "node:path";
import { type Check, type Finding, ok, warn } from "../finding.ts";
import { type Host, isRoot, processesNamed } from "../host.ts";
import { mountsOf } from "../mounts.ts";
import { configuredPath, DATA_ROOT } from "./engine-config.ts";

/** An engine that runs on this machine. */
export interface RunningEngine {
  readonly pid: number;
  /** What its bridge, its table and its cgroups are called by. */
  readonly name: string;
}

/** Every `berth daemon` of this machine; of other users' processes only root sees all. */
export function runningEngines(host: Host): RunningEngine[] {
  return host.list("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const words = (host.read(`/proc/${entry}/cmdline`) ?? "").split("\0");
    const at = words.indexOf("daemon");
    // `berth daemon`, or `bun src/main.ts daemon`.
    if (at < 1 || at > 2 || !/^(berth|bun)$/.test(basename(words[0] ?? ""))) return [];
    if (words[at + 1] === "tls") return [];
    const root = optionOf(words, "--data-root") ?? configuredPath(host, "data-root");
    return { pid: Number(entry), name: instanceName(root) };
  });
}

function optionOf(words: readonly string[], name: string): string | undefined {
  const joined = words.find((word) => word.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

/** As the engine names what it shares with the host: by its data root. */
export function instanceName(dataRoot: string): string {
  if (dataRoot === DATA_ROOT) return "berth";
  return `berth-${new Bun.CryptoHasher("sha256").update(dataRoot).digest("hex").slice(0, 8)}`;
}

const INSTANCE = /^berth(-[0-9a-f]{8})?$/;

const leftovers: Check = async (host) => {
  const id = "leftovers";
  // Containers go on without their engine, and need their networks then.
  if (processesNamed(host, "conmon").length > 0) return undefined;
  const alive = new Set(runningEngines(host).map(({ name }) => name));
  const found = [
    ...(await tables(host, alive)),
    ...bridges(host, alive),
    ...cgroups(host, alive),
    ...mounts(host, alive),
  ];
  return found.length === 0 ? ok(id, "nothing is left of engines that have ended") : found;
};

function leftover(id: string, text: string, ...mend: string[]): Finding {
  return warn(`leftovers.${id}`, text, "its engine does not run any more, and no container does", ...mend);
}

async function tables(host: Host, alive: ReadonlySet<string>): Promise<Finding[]> {
  const nft = host.find("nft");
  if (nft === undefined || !isRoot(host)) return [];
  const { stdout } = await host.run(nft, ["list", "tables"]);
  return [...stdout.matchAll(/^table inet (\S+)$/gm)]
    .map((match) => match[1]!)
    .filter((name) => INSTANCE.test(name) && !alive.has(name))
    .map((name) =>
      leftover("rules", `rules of nftables: table inet ${name}`, `nft delete table inet ${name}`),
    );
}

/** Those of Docker are called `br-` too, with twelve digits behind it. */
function bridges(host: Host, alive: ReadonlySet<string>): Finding[] {
  return host
    .list("/sys/class/net")
    .filter((name) => name === "berth0" || /^br-[0-9a-f]{8}$/.test(name))
    .filter((name) => !alive.has(name === "berth0" ? "berth" : name.replace("br-", "berth-")))
    .map((name) => leftover("bridge", `the bridge ${name}`, `ip link delete ${name}`));
}

function cgroups(host: Host, alive: ReadonlySet<string>): Finding[] {
  const roots = ["/sys/fs/cgroup", ...host.list("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
  const left = new Set(roots.flatMap((root) => host.list(root).filter((name) => INSTANCE.test(name))));
  return [...left]
    .filter((name) => !alive.has(name))
    .map((name) =>
      leftover(
        "cgroup",
        `cgroups called ${name}`,
        `find /sys/fs/cgroup -depth -type d -path '*/${name}*' -exec rmdir {} +`,
      ),
    );
}

function mounts(host: Host, alive: ReadonlySet<string>): Finding[] {
  const roots = [configuredPath(host, "data-root"), configuredPath(host, "exec-root")];
  if (alive.has(instanceName(roots[0]!))) return [];
  const points = mountsOf(host)
    .map(({ point }) => point)
    .filter((point) => roots.some((root) => point.startsWith(`${root}/`)));
  if (points.length === 0) return [];
  return [
    leftover(
      "mounts",
      `${points.length} mounts below ${roots.join(" and ")}`,
      ...points.reverse().map((point) => `umount -l ${point}`),
    ),
  ];
}

export const LEFTOVERS: readonly Check[] = [leftovers];
