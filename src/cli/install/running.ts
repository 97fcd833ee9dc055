import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Engine } from "../../sdk/index.ts";
import { act, type Machine } from "./machine.ts";

/** Where the engine of an installation keeps its things. */
export interface EnginePlaces {
  readonly socket: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
}

const DEFAULTS: EnginePlaces = {
  socket: "/var/run/berth.sock",
  dataRoot: "/var/lib/berth",
  execRoot: "/run/berth",
  pidfile: "/var/run/berth.pid",
};
const CONFIG_FILE = "/etc/berth/daemon.json";

/** As its configuration has them. */
export function enginePlaces(): EnginePlaces {
  const config = readConfig();
  const path = (key: string, otherwise: string) => {
    const value = config[key];
    return typeof value === "string" && value.startsWith("/") ? value.replace(/(.)\/+$/, "$1") : otherwise;
  };
  return {
    socket: DEFAULTS.socket,
    dataRoot: path("data-root", DEFAULTS.dataRoot),
    execRoot: path("exec-root", DEFAULTS.execRoot),
    pidfile: path("pidfile", DEFAULTS.pidfile),
  };
}

function readConfig(): Readonly<Record<string, unknown>> {
  if (!existsSync(CONFIG_FILE)) return {};
  const parsed: unknown = JSON.parse(readFileSync(CONFIG_FILE, "utf8"));
  return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
}

/** A container that runs, by what watches it: so it is found with and without an engine. */
export interface RunningContainer {
  readonly id: string;
  readonly monitor: number;
}

/** @param proc `/proc`, or what stands for it in a test */
export function runningContainers({ execRoot }: EnginePlaces, proc = "/proc"): RunningContainer[] {
  return processes(proc).flatMap(({ pid, words }) => {
    if (!/(^|\/)conmon$/.test(words[0] ?? "")) return [];
    const prefix = `--bundle=${execRoot}/containers/`;
    const id = words
      .find((word) => word.startsWith(prefix))
      ?.slice(prefix.length)
      .split("/")[0];
    return id === undefined || id === "" ? [] : [{ id, monitor: pid }];
  });
}

function processes(proc: string): { pid: number; words: string[] }[] {
  return readdirSync(proc).flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return [{ pid: Number(entry), words: readFileSync(`${proc}/${entry}/cmdline`, "utf8").split("\0") }];
    } catch {
      // It has ended.
      return [];
    }
  });
}

/** Ends containers: by the engine where one answers, else by what watches them, which goes with its container. */
export async function endContainers(
  machine: Machine,
  { socket }: EnginePlaces,
  containers: readonly RunningContainer[],
): Promise<void> {
  if (machine.dryRun) return machine.say(`would end ${count(containers)}`);
  const engine = new Engine({ kind: "unix", path: socket });
  for (const { id, monitor } of containers) {
    try {
      await engine.containers.kill(id);
    } catch {
      for (const pid of [...childrenOf(monitor), monitor]) signal(pid, "SIGKILL");
    }
  }
  machine.say(`ended ${count(containers)}`);
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/** Stops an engine that systemd has not started: the client's, or one started by hand. */
export async function stopEngine(machine: Machine, { pidfile }: EnginePlaces): Promise<void> {
  const pid = enginePid(pidfile);
  if (pid === undefined) return;
  if (machine.dryRun) return machine.say(`would stop the engine (process ${pid})`);
  signal(pid, "SIGTERM");
  for (const end = Date.now() + STOP_TIMEOUT_MS; Date.now() < end; await Bun.sleep(POLL_MS)) {
    if (enginePid(pidfile) !== pid) return machine.say("stopped the engine");
  }
  throw new Error(`the engine (process ${pid}) does not stop`);
}

/** The same where it is none of systemd's service; containers go on. */
export async function stopForeignEngine(machine: Machine, places: EnginePlaces): Promise<void> {
  const pid = enginePid(places.pidfile);
  if (pid !== undefined && !isOfService(pid)) await stopEngine(machine, places);
}

function isOfService(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes("/berth.service");
  } catch {
    return false;
  }
}

/** The number in the file may be somebody else's by now. */
function enginePid(pidfile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidfile, "utf8"));
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.slice(1, 3).includes("daemon") ? pid : undefined;
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Removes all networks that people have made, as long as an engine is there to do it: their bridges are the host's. */
export async function removeOwnNetworks(machine: Machine, { socket }: EnginePlaces): Promise<void> {
  if (machine.dryRun) return;
  const engine = new Engine({ kind: "unix", path: socket });
  try {
    const containers = await engine.containers.list({ all: true });
    for (const { Id } of containers) await engine.containers.remove(Id, { force: true });
    await engine.networks.prune();
  } catch {
    // None runs.
  }
}

/** What an engine that has ended leaves to the host for its containers, of which there are none any more. */
export async function removeNetworks(machine: Machine): Promise<void> {
  const leave = async (...command: string[]) => {
    await act(machine, ...command).catch(() => {});
  };
  if (existsSync("/sys/class/net/berth0")) await leave("ip", "link", "delete", "berth0");
  await leave("nft", "delete", "table", "inet", "berth");
}

function count({ length }: readonly unknown[]): string {
  return length === 1 ? "1 running container" : `${length} running containers`;
}
