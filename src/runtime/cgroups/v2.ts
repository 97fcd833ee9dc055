import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { notFound, systemError } from "../../lib/index.ts";
import { sendSignal } from "../../linux/index.ts";
import type { CgroupLimits, RawBlkioEntry, RawCpuStats, RawMemoryStats, RawStats } from "../contract.ts";
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
import { hostCpu, hostMemoryBytes } from "./host-counters.ts";

/** Version 2: one tree. */
export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  readonly limits: CgroupLimits;
  readonly #root: string;
  readonly #proc: string;

  constructor(root: string, proc = "/proc") {
    this.#root = root;
    this.#proc = proc;
    this.limits = limitsOf(root);
  }

  async stats(cgroup: string): Promise<RawStats> {
    if (!existsSync(join(this.#root, cgroup))) throw missing(cgroup);
    const current = readNumber(this.#file(cgroup, "pids.current"));
    const limit = readNumber(this.#file(cgroup, "pids.max"));
    return {
      cpu_stats: this.#cpu(cgroup),
      memory_stats: this.#memory(cgroup),
      pids_stats: {
        ...(current === undefined ? {} : { current }),
        ...(limit === undefined ? {} : { limit }),
      },
      blkio_stats: {
        io_service_bytes_recursive: this.#bytes(cgroup),
        // The rest is not counted in this version.
        io_serviced_recursive: null,
        io_queue_recursive: null,
        io_service_time_recursive: null,
        io_wait_time_recursive: null,
        io_merged_recursive: null,
        io_time_recursive: null,
        sectors_recursive: null,
      },
    };
  }

  async processes(cgroup: string): Promise<number[]> {
    return processesBelow(join(this.#root, cgroup));
  }

  oomKills(cgroup: string): number {
    return readTable(this.#file(cgroup, "memory.events"))["oom_kill"] ?? 0;
  }

  async freeze(cgroup: string): Promise<void> {
    await this.#setFrozen(cgroup, true);
  }

  async thaw(cgroup: string): Promise<void> {
    try {
      await this.#setFrozen(cgroup, false);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  isFrozen(cgroup: string): boolean {
    return readText(this.#file(cgroup, "cgroup.freeze")) === "1";
  }

  async signalAll(cgroup: string, signal: number): Promise<void> {
    const kill = this.#file(cgroup, "cgroup.kill");
    // Since Linux 5.14 the kernel does it itself, for the whole tree and frozen or not.
    if (signal === SIGKILL && existsSync(kill)) return void writeText(kill, "1");
    const wasFrozen = this.isFrozen(cgroup);
    if (!wasFrozen) await this.freeze(cgroup).catch(() => {});
    try {
      for (const pid of await this.processes(cgroup)) sendSignal(pid, signal);
    } finally {
      if (!wasFrozen || signal === SIGKILL) await this.thaw(cgroup);
    }
  }

  async remove(cgroup: string): Promise<void> {
    await removeTrees([join(this.#root, cgroup)]);
  }

  anticipateAttach(): void {
    void touchOwnCgroup(this.#root, "", this.#proc);
  }

  async shelter(pid: number, cgroup: string): Promise<void> {
    if (readText(join(this.#proc, String(pid), "cgroup")) === "0::/") return;
    mkdirSync(join(this.#root, cgroup), { recursive: true });
    writeText(this.#file(cgroup, "cgroup.procs"), String(pid));
  }

  removeIfEmpty(cgroup: string): void {
    tryRemove(join(this.#root, cgroup));
  }

  #file(cgroup: string, name: string): string {
    return join(this.#root, cgroup, name);
  }

  async #setFrozen(cgroup: string, frozen: boolean): Promise<void> {
    const file = this.#file(cgroup, "cgroup.freeze");
    if (!existsSync(file)) {
      if (!frozen) return;
      throw missing(cgroup);
    }
    writeText(file, frozen ? "1" : "0");
    const wanted = frozen ? 1 : 0;
    for (let waitMs = 1; waitMs < 1000; waitMs *= 2) {
      if ((readTable(this.#file(cgroup, "cgroup.events"))["frozen"] ?? wanted) === wanted) return;
      await Bun.sleep(waitMs);
    }
    if (frozen) writeText(file, "0");
    throw systemError(`unable to ${frozen ? "freeze" : "thaw"} the cgroup ${cgroup}`);
  }

  #cpu(cgroup: string): RawCpuStats {
    const host = hostCpu(this.#proc);
    const stat = readTable(this.#file(cgroup, "cpu.stat"));
    const ns = (name: string) => (stat[name] ?? 0) * 1000;
    return {
      cpu_usage: {
        total_usage: ns("usage_usec"),
        usage_in_kernelmode: ns("system_usec"),
        usage_in_usermode: ns("user_usec"),
      },
      system_cpu_usage: host.usageNs,
      online_cpus: host.online,
      throttling_data: {
        periods: stat["nr_periods"] ?? 0,
        throttled_periods: stat["nr_throttled"] ?? 0,
        throttled_time: ns("throttled_usec"),
      },
    };
  }

  #memory(cgroup: string): RawMemoryStats {
    const usage = readNumber(this.#file(cgroup, "memory.current"));
    if (usage === undefined) return {};
    const machine = hostMemoryBytes(this.#proc);
    return {
      usage,
      failcnt: readTable(this.#file(cgroup, "memory.events"))["oom"] ?? 0,
      stats: readTable(this.#file(cgroup, "memory.stat")),
      limit: Math.min(readNumber(this.#file(cgroup, "memory.max")) ?? machine, machine),
    };
  }

  /** `8:0 rbytes=4096 wbytes=0 rios=1 …`; `null` where the io controller is not on. */
  #bytes(cgroup: string): RawBlkioEntry[] | null {
    const text = readText(this.#file(cgroup, "io.stat"));
    if (text === undefined) return null;
    return text.split("\n").flatMap((line) => {
      const [, major, minor, counters] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
      if (counters === undefined) return [];
      const count = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(counters)?.[1] ?? 0);
      const device = { major: Number(major), minor: Number(minor) };
      return [
        { ...device, op: "read", value: count("rbytes") },
        { ...device, op: "write", value: count("wbytes") },
      ];
    });
  }
}

const SIGKILL = 9;

function limitsOf(root: string): CgroupLimits {
  const controllers = new Set((readText(join(root, "cgroup.controllers")) ?? "").split(" "));
  const memory = controllers.has("memory");
  const io = controllers.has("io");
  return {
    memory,
    swap: memory && swapAccounted(root),
    memoryReservation: memory,
    // Version 2 knows neither swappiness nor a way to turn the OOM killer off.
    memorySwappiness: false,
    oomKillDisable: false,
    cpuShares: controllers.has("cpu"),
    cpuCfs: controllers.has("cpu"),
    cpuRealtime: false,
    cpuset: controllers.has("cpuset"),
    pids: controllers.has("pids"),
    blkioWeight: io,
    blkioWeightDevice: io,
    blkioThrottle: io,
    cpus: readText(join(root, "cpuset.cpus.effective")) ?? "",
    mems: readText(join(root, "cpuset.mems.effective")) ?? "",
  };
}

/** The root has no `memory.swap.max`; the daemon's own cgroup, or any child with the controller on, shows whether others do. */
function swapAccounted(root: string): boolean {
  const own = readText("/proc/self/cgroup")?.match(/^0::(.*)$/m)?.[1] ?? "/";
  for (let cgroup = own; cgroup !== "/" && cgroup !== "."; cgroup = dirname(cgroup)) {
    if (existsSync(join(root, cgroup, "memory.current")))
      return existsSync(join(root, cgroup, "memory.swap.max"));
  }
  return true;
}

function missing(cgroup: string) {
  return notFound(`no such cgroup: ${cgroup}`);
}
