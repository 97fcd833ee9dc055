import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCgroups } from "./open.ts";

/** Hierarchies of version 1 with one of version 2 beside them, as the kernel shows them, of plain files. */
const root = mkdtempSync(join(tmpdir(), "berth-cg1-"));
const proc = mkdtempSync(join(tmpdir(), "berth-proc-"));
afterAll(() => {
  for (const directory of [root, proc]) rmSync(directory, { recursive: true, force: true });
});

function tree(files: Record<string, string>, base = root): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(base, path, ".."), { recursive: true });
    writeFileSync(join(base, path), `${text}\n`);
  }
}

const mounted = (name: string, type: string, options: string) =>
  `30 25 0:26 / ${root}/${name} rw,relatime shared:9 - ${type} cgroup rw,${options}`;

tree(
  {
    "self/mountinfo": [
      mounted("cpu,cpuacct", "cgroup", "cpu,cpuacct"),
      mounted("memory", "cgroup", "memory"),
      mounted("pids", "cgroup", "pids"),
      mounted("freezer", "cgroup", "freezer"),
      mounted("blkio", "cgroup", "blkio"),
      mounted("systemd", "cgroup", "xattr,name=systemd"),
      mounted("unified", "cgroup2", "nsdelegate"),
      "31 25 0:27 / /elsewhere rw - cgroup cgroup rw,devices",
    ].join("\n"),
    stat: "cpu  10 0 0 0 0 0 0 0 0 0\ncpu0 1",
    meminfo: "MemTotal:       16000 kB",
    "7/cgroup": "2:name=systemd:/system.slice/berth.service\n0::/",
  },
  proc,
);
tree({
  "memory/memory.memsw.limit_in_bytes": "1",
  "memory/memory.swappiness": "60",
  "cpu,cpuacct/cpu.cfs_quota_us": "-1",
  "blkio/blkio.throttle.read_bps_device": "",
  "cpu,cpuacct/b/c1/cpuacct.usage": "123456",
  "cpu,cpuacct/b/c1/cpuacct.usage_percpu": "100000 23456 ",
  "cpu,cpuacct/b/c1/cpuacct.stat": "user 5\nsystem 7",
  "cpu,cpuacct/b/c1/cpu.stat": "nr_periods 4\nnr_throttled 2\nthrottled_time 99",
  "memory/b/c1/memory.usage_in_bytes": "4096",
  "memory/b/c1/memory.max_usage_in_bytes": "8192",
  "memory/b/c1/memory.failcnt": "3",
  "memory/b/c1/memory.limit_in_bytes": "9223372036854771712",
  "memory/b/c1/memory.stat": "cache 10\ntotal_inactive_file 20",
  "memory/b/c1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4",
  "pids/b/c1/pids.current": "1",
  "pids/b/c1/pids.max": "max",
  "freezer/b/c1/cgroup.procs": "55",
  "freezer/b/c1/freezer.state": "THAWED",
  "blkio/b/c1/blkio.bfq.io_service_bytes_recursive": "Total 0",
  "blkio/b/c1/blkio.throttle.io_service_bytes_recursive": "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11",
});

describe("version 1", () => {
  const cgroups = openCgroups({ root, proc });

  test("is recognised, with what it can limit", () => {
    expect(cgroups.version).toBe(1);
    expect(cgroups.limits).toMatchObject({
      memory: true,
      swap: true,
      memorySwappiness: true,
      cpuCfs: true,
      cpuShares: false,
      cpuset: false,
      blkioThrottle: true,
      blkioWeight: false,
    });
  });

  test("statistics are in Docker's shape and units", async () => {
    const stats = await cgroups.stats("/b/c1");
    expect(stats.cpu_stats).toEqual({
      cpu_usage: {
        total_usage: 123_456,
        percpu_usage: [100_000, 23_456],
        usage_in_usermode: 50_000_000,
        usage_in_kernelmode: 70_000_000,
      },
      system_cpu_usage: 100_000_000,
      online_cpus: 1,
      throttling_data: { periods: 4, throttled_periods: 2, throttled_time: 99 },
    });
    expect(stats.memory_stats).toEqual({
      usage: 4096,
      max_usage: 8192,
      failcnt: 3,
      stats: { cache: 10, total_inactive_file: 20 },
      limit: 16_384_000,
    });
    expect(stats.pids_stats).toEqual({ current: 1 });
    expect(stats.blkio_stats.io_service_bytes_recursive).toEqual([
      { major: 8, minor: 0, op: "Read", value: 5 },
      { major: 8, minor: 0, op: "Write", value: 6 },
      { major: 8, minor: 0, op: "Total", value: 11 },
    ]);
    expect(stats.blkio_stats.io_time_recursive).toBeNull();
    expect(cgroups.stats("/b/c2")).rejects.toThrow("no such cgroup");
  });

  test("processes and kills", async () => {
    expect(await cgroups.processes("/b/c1")).toEqual([55]);
    expect(await cgroups.processes("/b/c2")).toEqual([]);
    expect(cgroups.oomKills("/b/c1")).toBe(4);
  });

  test("freezing and thawing", async () => {
    await cgroups.freeze("/b/c1");
    expect(readFileSync(join(root, "freezer/b/c1/freezer.state"), "utf8")).toBe("FROZEN");
    expect(cgroups.isFrozen("/b/c1")).toBe(true);
    await cgroups.thaw("/b/c1");
    expect(cgroups.isFrozen("/b/c1")).toBe(false);
    expect(cgroups.freeze("/b/c2")).rejects.toThrow("no such cgroup");
  });

  test("a monitor is moved in the service manager's hierarchy alone", async () => {
    mkdirSync(join(root, "systemd/b/monitors"), { recursive: true });
    await cgroups.shelter(7, "/b/monitors");
    expect(readFileSync(join(root, "systemd/b/monitors/cgroup.procs"), "utf8")).toBe("7");
    // Of version 2's it is in the root.
    expect(existsSync(join(root, "unified/b"))).toBe(false);
  });
});

test("a host without control groups is refused", () => {
  const empty = mkdtempSync(join(tmpdir(), "berth-cg0-"));
  try {
    expect(() => openCgroups({ root: empty, proc: empty })).toThrow("no control groups are mounted");
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
});
