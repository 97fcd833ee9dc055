import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { notFound, systemError } from "../../lib/index.ts";
import { sendSignal } from "../../linux/index.ts";
import type {
  CgroupLimits,
  RawBlkioEntry,
  RawBlkioStats,
  RawCpuStats,
  RawMemoryStats,
  RawStats,
} from "../contract.ts";
import { touchOwnCgroup } from "./anticipate.ts";
import type { Cgroups } from "./contract.ts";
import {
  isGone,
  processesBelow,
  readNumber,
  readTable,
  readText,
  removeTrees,
  tryRemove,
  writeText,
} from "./files.ts";
import { hostCpu, hostMemoryBytes, NS_PER_TICK } from "./host-counters.ts";

/** Version 1: one hierarchy per controller, version 2's tree beside them where the layout is hybrid. */
export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly limits: CgroupLimits;
  /** Controller → mount point; `systemd` for the service manager's own, `unified` for version 2's. */
  readonly #hierarchies: ReadonlyMap<string, string>;
  readonly #proc: string;

  constructor(hierarchies: ReadonlyMap<string, string>, proc = "/proc") {
    this.#hierarchies = hierarchies;
    this.#proc = proc;
    this.limits = limitsOf(hierarchies);
  }

  async stats(cgroup: string): Promise<RawStats> {
    if (!this.#directories().some((directory) => existsSync(join(directory, cgroup)))) throw missing(cgroup);
    return {
      cpu_stats: this.#cpu(cgroup),
      memory_stats: this.#memory(cgroup),
      pids_stats: this.#pids(cgroup),
      blkio_stats: this.#blkio(cgroup),
    };
  }

  async processes(cgroup: string): Promise<number[]> {
    return processesBelow(this.#anyDirectory(cgroup));
  }

  oomKills(cgroup: string): number {
    return readTable(this.#file("memory", cgroup, "memory.oom_control"))["oom_kill"] ?? 0;
  }

  /**
   * FREEZING may stay FREEZING while processes fork or join (the freezer of version 1 never learnt to catch up), so the
   * wish is repeated, and now and then taken back, as runc does.
   */
  async freeze(cgroup: string): Promise<void> {
    const file = this.#file("freezer", cgroup, "freezer.state");
    if (!existsSync(file)) throw missing(cgroup);
    for (let attempt = 1; attempt <= 1000; attempt++) {
      writeText(file, "FROZEN");
      if (readText(file) === "FROZEN") return;
      if (attempt % 50 === 0) writeText(file, "THAWED");
      if (attempt % 10 === 0) await Bun.sleep(attempt % 50 === 0 ? 10 : 1);
    }
    writeText(file, "THAWED");
    throw systemError(`unable to freeze the cgroup ${cgroup}`);
  }

  async thaw(cgroup: string): Promise<void> {
    try {
      writeText(this.#file("freezer", cgroup, "freezer.state"), "THAWED");
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  isFrozen(cgroup: string): boolean {
    const state = readText(this.#file("freezer", cgroup, "freezer.state"));
    return state === "FROZEN" || state === "FREEZING";
  }

  /** While frozen nobody can fork; SIGKILL takes effect when they thaw. */
  async signalAll(cgroup: string, signal: number): Promise<void> {
    const wasFrozen = this.isFrozen(cgroup);
    if (!wasFrozen) await this.freeze(cgroup).catch(() => {});
    try {
      for (const pid of await this.processes(cgroup)) sendSignal(pid, signal);
    } finally {
      if (!wasFrozen || signal === SIGKILL) await this.thaw(cgroup);
    }
  }

  async remove(cgroup: string): Promise<void> {
    await removeTrees(this.#directories().map((directory) => join(directory, cgroup)));
  }

  anticipateAttach(): void {
    const unified = this.#hierarchies.get("unified");
    const pids = this.#hierarchies.get("pids");
    if (unified !== undefined) void touchOwnCgroup(unified, "", this.#proc);
    else if (pids !== undefined) void touchOwnCgroup(pids, "pids", this.#proc);
  }

  async shelter(pid: number, cgroup: string): Promise<void> {
    for (const name of ["systemd", "unified"]) {
      const mountPoint = this.#hierarchies.get(name);
      if (mountPoint === undefined || this.#isInRoot(pid, name)) continue;
      mkdirSync(join(mountPoint, cgroup), { recursive: true });
      writeText(join(mountPoint, cgroup, "cgroup.procs"), String(pid));
    }
  }

  removeIfEmpty(cgroup: string): void {
    for (const directory of this.#directories()) tryRemove(join(directory, cgroup));
  }

  /** Nobody kills the root's processes as a group. */
  #isInRoot(pid: number, hierarchy: string): boolean {
    const prefix = hierarchy === "unified" ? "0::" : "name=systemd:";
    const lines = (readText(join(this.#proc, String(pid), "cgroup")) ?? "").split("\n");
    return lines.some((line) => line.endsWith(`${prefix}/`));
  }

  #directories(): string[] {
    return [...new Set(this.#hierarchies.values())];
  }

  /** Every hierarchy has the container's processes; the devices controller is the one that no kernel lacks. */
  #anyDirectory(cgroup: string): string {
    for (const name of ["devices", "freezer", "pids", "memory", "cpu", "systemd"]) {
      const mountPoint = this.#hierarchies.get(name);
      if (mountPoint !== undefined && existsSync(join(mountPoint, cgroup))) return join(mountPoint, cgroup);
    }
    return join(this.#directories()[0] ?? "/nonexistent", cgroup);
  }

  #file(controller: string, cgroup: string, name: string): string {
    return join(this.#hierarchies.get(controller) ?? "/nonexistent", cgroup, name);
  }

  #cpu(cgroup: string): RawCpuStats {
    const host = hostCpu(this.#proc);
    const ticks = readTable(this.#file("cpuacct", cgroup, "cpuacct.stat"));
    const perCpu = readText(this.#file("cpuacct", cgroup, "cpuacct.usage_percpu"));
    const throttling = readTable(this.#file("cpu", cgroup, "cpu.stat"));
    return {
      cpu_usage: {
        total_usage: readNumber(this.#file("cpuacct", cgroup, "cpuacct.usage")) ?? 0,
        ...(perCpu ? { percpu_usage: perCpu.split(" ").map(Number) } : {}),
        usage_in_kernelmode: (ticks["system"] ?? 0) * NS_PER_TICK,
        usage_in_usermode: (ticks["user"] ?? 0) * NS_PER_TICK,
      },
      system_cpu_usage: host.usageNs,
      online_cpus: host.online,
      throttling_data: {
        periods: throttling["nr_periods"] ?? 0,
        throttled_periods: throttling["nr_throttled"] ?? 0,
        throttled_time: throttling["throttled_time"] ?? 0,
      },
    };
  }

  #memory(cgroup: string): RawMemoryStats {
    const number = (name: string) => readNumber(this.#file("memory", cgroup, name));
    const usage = number("memory.usage_in_bytes");
    if (usage === undefined) return {};
    const machine = hostMemoryBytes(this.#proc);
    return {
      usage,
      max_usage: number("memory.max_usage_in_bytes") ?? 0,
      failcnt: number("memory.failcnt") ?? 0,
      stats: readTable(this.#file("memory", cgroup, "memory.stat")),
      // "No limit" is the largest number of pages that fit into 63 bits.
      limit: Math.min(number("memory.limit_in_bytes") ?? machine, machine),
    };
  }

  #pids(cgroup: string): RawStats["pids_stats"] {
    const current = readNumber(this.#file("pids", cgroup, "pids.current"));
    const limit = readNumber(this.#file("pids", cgroup, "pids.max"));
    return { ...(current === undefined ? {} : { current }), ...(limit === undefined ? {} : { limit }) };
  }

  #blkio(cgroup: string): RawBlkioStats {
    const entries = (...names: string[]): RawBlkioEntry[] | null => {
      const texts = names.map((name) => readText(this.#file("blkio", cgroup, name)));
      const read = texts.map((text) => (text === undefined ? null : parseBlkio(text)));
      return read.find((each) => each?.length) ?? read.find((each) => each !== null) ?? null;
    };
    return {
      // With the bfq scheduler it counts; without, the throttler does.
      io_service_bytes_recursive: entries(
        "blkio.bfq.io_service_bytes_recursive",
        "blkio.throttle.io_service_bytes_recursive",
      ),
      io_serviced_recursive: entries(
        "blkio.bfq.io_serviced_recursive",
        "blkio.throttle.io_serviced_recursive",
      ),
      io_queue_recursive: entries("blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive"),
      io_service_time_recursive: entries(
        "blkio.bfq.io_service_time_recursive",
        "blkio.io_service_time_recursive",
      ),
      io_wait_time_recursive: entries("blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive"),
      io_merged_recursive: entries("blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive"),
      io_time_recursive: entries("blkio.bfq.time_recursive", "blkio.time_recursive"),
      sectors_recursive: entries("blkio.bfq.sectors_recursive", "blkio.sectors_recursive"),
    };
  }
}

const SIGKILL = 9;

/** `8:0 Read 4096`; the closing line, which sums all devices up, is left out. */
function parseBlkio(text: string): RawBlkioEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, op = "", value] = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line) ?? [];
    if (value === undefined) return [];
    return [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
  });
}

function limitsOf(hierarchies: ReadonlyMap<string, string>): CgroupLimits {
  const has = (controller: string, file: string) =>
    existsSync(join(hierarchies.get(controller) ?? "/nonexistent", file));
  const read = (controller: string, file: string) =>
    readText(join(hierarchies.get(controller) ?? "/nonexistent", file)) ?? "";
  return {
    memory: hierarchies.has("memory"),
    swap: has("memory", "memory.memsw.limit_in_bytes"),
    memoryReservation: has("memory", "memory.soft_limit_in_bytes"),
    memorySwappiness: has("memory", "memory.swappiness"),
    oomKillDisable: has("memory", "memory.oom_control"),
    cpuShares: has("cpu", "cpu.shares"),
    cpuCfs: has("cpu", "cpu.cfs_quota_us"),
    cpuRealtime: has("cpu", "cpu.rt_period_us"),
    cpuset: hierarchies.has("cpuset"),
    pids: hierarchies.has("pids"),
    blkioWeight: has("blkio", "blkio.weight"),
    blkioWeightDevice: has("blkio", "blkio.weight_device"),
    blkioThrottle: has("blkio", "blkio.throttle.read_bps_device"),
    cpus: read("cpuset", "cpuset.cpus"),
    mems: read("cpuset", "cpuset.mems"),
  };
}

function missing(cgroup: string) {
  return notFound(`no such cgroup: ${cgroup}`);
}
