import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCgroups } from "./open.ts";

/** A tree of version 2 as the kernel shows it, of plain files. */
const root = mkdtempSync(join(tmpdir(), "berth-cg2-"));
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

tree({
  "cgroup.controllers": "cpuset cpu io memory hugetlb pids",
  "cpuset.cpus.effective": "0-7",
  "cpuset.mems.effective": "0",
  "berth/c1/cgroup.procs": "101\n102",
  "berth/c1/cgroup.events": "populated 1\nfrozen 1",
  "berth/c1/cgroup.freeze": "0",
  "berth/c1/cpu.stat":
    "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 10\nnr_throttled 3\nthrottled_usec 70",
  "berth/c1/memory.current": "8192",
  "berth/c1/memory.max": "max",
  "berth/c1/memory.stat": "anon 4096\nfile 4096\ninactive_file 1024",
  "berth/c1/memory.events": "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1",
  "berth/c1/pids.current": "2",
  "berth/c1/pids.max": "100",
  "berth/c1/io.stat":
    "8:0 rbytes=4096 wbytes=512 rios=1 wios=2 dbytes=0 dios=0\n254:1 rbytes=1 wbytes=0 rios=1 wios=0",
  "berth/c1/inner/cgroup.procs": "103",
});
tree(
  {
    stat: "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1\ncpu1 1\nintr 5",
    meminfo: "MemTotal:       16000 kB\nMemFree: 1 kB",
    "101/cgroup": "0::/system.slice/berth.service",
    "102/cgroup": "0::/",
  },
  proc,
);

describe("version 2", () => {
  const cgroups = openCgroups({ root, proc });

  test("is recognised, with what it can limit", () => {
    expect(cgroups.version).toBe(2);
    expect(cgroups.limits).toMatchObject({
      memory: true,
      pids: true,
      cpuCfs: true,
      blkioThrottle: true,
      memorySwappiness: false,
      oomKillDisable: false,
      cpuRealtime: false,
      cpus: "0-7",
    });
  });

  test("statistics are in Docker's shape and units", async () => {
    expect(await cgroups.stats("/berth/c1")).toEqual({
      cpu_stats: {
        cpu_usage: { total_usage: 1_500_000, usage_in_usermode: 1_000_000, usage_in_kernelmode: 500_000 },
        system_cpu_usage: 2_800_000_000,
        online_cpus: 2,
        throttling_data: { periods: 10, throttled_periods: 3, throttled_time: 70_000 },
      },
      memory_stats: {
        usage: 8192,
        failcnt: 2,
        stats: { anon: 4096, file: 4096, inactive_file: 1024 },
        limit: 16_384_000,
      },
      pids_stats: { current: 2, limit: 100 },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 8, minor: 0, op: "read", value: 4096 },
          { major: 8, minor: 0, op: "write", value: 512 },
          { major: 254, minor: 1, op: "read", value: 1 },
          { major: 254, minor: 1, op: "write", value: 0 },
        ],
        io_serviced_recursive: null,
        io_queue_recursive: null,
        io_service_time_recursive: null,
        io_wait_time_recursive: null,
        io_merged_recursive: null,
        io_time_recursive: null,
        sectors_recursive: null,
      },
    });
  });

  test("what is not there has no statistics, no processes and cannot be frozen", async () => {
    expect(cgroups.stats("/berth/c2")).rejects.toThrow("no such cgroup");
    expect(await cgroups.processes("/berth/c2")).toEqual([]);
    expect(cgroups.freeze("/berth/c2")).rejects.toThrow("no such cgroup");
    await cgroups.thaw("/berth/c2");
    await cgroups.remove("/berth/c2");
    expect(cgroups.oomKills("/berth/c2")).toBe(0);
  });

  test("processes are those of the whole tree", async () => {
    expect((await cgroups.processes("/berth/c1")).sort()).toEqual([101, 102, 103]);
  });

  test("kills for want of memory are counted", () => {
    expect(cgroups.oomKills("/berth/c1")).toBe(1);
  });

  test("freezing writes the wish and waits for the kernel's word", async () => {
    await cgroups.freeze("/berth/c1");
    expect(cgroups.isFrozen("/berth/c1")).toBe(true);
    tree({ "berth/c1/cgroup.events": "populated 1\nfrozen 0" });
    await cgroups.thaw("/berth/c1");
    expect(cgroups.isFrozen("/berth/c1")).toBe(false);
    // A kernel that does not manage it: the wish is taken back.
    expect(cgroups.freeze("/berth/c1")).rejects.toThrow("unable to freeze");
  });

  test("the kernel kills the whole tree where it can", async () => {
    tree({ "berth/c1/cgroup.kill": "" });
    await cgroups.signalAll("/berth/c1", 9);
    expect(readFileSync(join(root, "berth/c1/cgroup.kill"), "utf8")).toBe("1");
  });

  test("a monitor is moved out of the daemon's cgroup, unless that is the root", async () => {
    mkdirSync(join(root, "berth/monitors"));
    await cgroups.shelter(101, "/berth/monitors");
    expect(readFileSync(join(root, "berth/monitors/cgroup.procs"), "utf8")).toBe("101");
    await cgroups.shelter(102, "/berth/others");
    expect(existsSync(join(root, "berth/others"))).toBe(false);
  });

  test("an empty cgroup is removed with those in it, a full one is left alone", async () => {
    mkdirSync(join(root, "berth/c3/a/b"), { recursive: true });
    await cgroups.remove("/berth/c3");
    expect(existsSync(join(root, "berth/c3"))).toBe(false);
    cgroups.removeIfEmpty("/berth");
    expect(existsSync(join(root, "berth"))).toBe(true);
  });
});
