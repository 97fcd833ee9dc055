/** Options of `docker run` as the container sees them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Runtime } from "./contract.ts";
import { findInit } from "./programs.ts";
import { PATIENCE_MS, printed, RUNTIMES, RuntimeFixture } from "./testing/fixture.ts";

describe.each(RUNTIMES)("%s", (name) => {
  setDefaultTimeout(PATIENCE_MS);
  let fixture: RuntimeFixture;
  let runtime: Runtime;
  beforeAll(async () => {
    fixture = new RuntimeFixture({ default: name });
    runtime = await fixture.runtimes.get(undefined);
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  /** What a script prints in a container with these options, by line. */
  async function lines(script: string, over: Parameters<RuntimeFixture["run"]>[1] = {}): Promise<string[]> {
    const { id, bundle } = await fixture.run(["sh", "-c", `exec 2>&1; ${script}`], over);
    while (!existsSync(join(fixture.execRoot, "exits", id))) await Bun.sleep(5);
    await runtime.delete(id);
    return printed(bundle).trimEnd().split("\n");
  }

  test("the init is the first process, and the command another", async () => {
    const [name, self] = await lines("cat /proc/1/comm; echo $$", { initPath: findInit() });
    expect(name).toBe("docker-init");
    expect(self).not.toBe("1");
  });

  test("user, groups, names, directory and environment", async () => {
    const found = await lines("id; hostname; cat /proc/sys/kernel/domainname; pwd; echo $A; umask", {
      user: { uid: 1000, gid: 1001, additionalGids: [1001, 7], home: "/" },
      hostname: "box",
      domainname: "example.org",
      cwd: "/made/up",
      env: ["PATH=/bin", "A=b"],
    });
    expect(found).toEqual(["uid=1000 gid=1001 groups=7,1001", "box", "example.org", "/made/up", "b", "0022"]);
  });

  test("limits of processes and of the cgroup", async () => {
    const { limits } = fixture.facts;
    const id = await fixture.run(
      ["sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; sleep 100"],
      {
        host: {
          Ulimits: [
            { Name: "nofile", Soft: 500, Hard: 600 },
            { Name: "core", Soft: 0, Hard: 0 },
          ],
          OomScoreAdj: 500,
          Memory: 32 << 20,
          PidsLimit: 60,
          NanoCpus: 500_000_000,
        },
      },
    );
    while (printed(id.bundle).split("\n").length < 5) await Bun.sleep(5);
    expect(printed(id.bundle)).toBe("500\n600\n0\n500\n");
    const stats = await fixture.cgroups.stats(id.spec.linux.cgroupsPath);
    if (limits.memory) expect(stats.memory_stats.limit).toBe(32 << 20);
    if (limits.pids) expect(stats.pids_stats.limit).toBe(60);
    expect(stats.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(0);
    expect(stats.cpu_stats.system_cpu_usage).toBeGreaterThan(0);
    await runtime.delete(id.id, { force: true });
  });

  test("a read-only root is one, but for the places that must be written", async () => {
    const found = await lines("touch /x; touch /dev/shm/y && echo shm; echo z > /dev/null && echo null", {
      readonlyRootfs: true,
    });
    expect(found).toEqual(["touch: /x: Read-only file system", "shm", "null"]);
  });

  test("shared memory has the size that was asked for", async () => {
    const [line] = await lines("mount | grep ' /dev/shm '", { host: { ShmSize: 128 << 10 } });
    expect(line).toContain("size=128k");
  });

  test("sysctls of its own namespaces are set", async () => {
    const host = { Sysctls: { "net.ipv4.ip_forward": "1", "kernel.msgmax": "4242" } };
    const script =
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start";
    expect(await lines(script, { host })).toEqual(["1", "4242", "0"]);
  });

  test("a device is made and allowed as far as was asked", async () => {
    const host = {
      Devices: [{ PathOnHost: "/dev/zero", PathInContainer: "/dev/mine", CgroupPermissions: "r" }],
    };
    const found = await lines("head -c 3 /dev/mine | wc -c; ls -l /dev/mine | head -c 1", { host });
    expect(found).toEqual(["3", "c"]);
    expect(await lines("mknod /tmp/disk b 254 0 && cat /tmp/disk | head -c 1")).toContainEqual(
      expect.stringContaining("Operation not permitted"),
    );
  });

  test("no new privileges, and a profile of one's own", async () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    };
    const host = { SecurityOpt: ["no-new-privileges", `seccomp=${JSON.stringify(profile)}`] };
    const found = await lines("grep NoNewPrivs /proc/self/status; mkdir /tmp/d", { host });
    expect(found).toEqual([
      "NoNewPrivs:\t1",
      "mkdir: can't create directory '/tmp/d': Operation not permitted",
    ]);
  });

  test("a privileged container has every device and right, and no filter", async () => {
    const script =
      "grep -E 'Seccomp:' /proc/self/status; test -e /dev/loop-control -o -e /dev/kmsg && echo devices; mkdir /tmp/m && mount -t tmpfs x /tmp/m && echo mounted";
    const found = await lines(script, { host: { Privileged: true } });
    expect(found).toContain("Seccomp:\t0");
    expect(found).toContain("mounted");
  });

  test("namespaces are shared as asked", async () => {
    const inode = (name: string) => `readlink /proc/self/ns/${name}`;
    const all = ["net", "pid", "ipc", "uts", "mnt"];
    const own = await lines(all.map(inode).join("; "));
    const host = all.map((name) =>
      Bun.spawnSync(["readlink", `/proc/self/ns/${name}`])
        .stdout.toString()
        .trim(),
    );
    for (const [index, name] of own.entries()) expect(name).not.toBe(host[index] ?? "");
    const shared = {
      network: "host",
      pid: "host",
      ipc: "host",
      uts: "host",
      cgroup: "host",
      user: "host",
    } as const;
    const same = await lines(all.map(inode).join("; "), {
      namespaces: shared,
      host: { NetworkMode: "host" },
    });
    expect(same.slice(0, 4)).toEqual(host.slice(0, 4));
    const other = await fixture.run(["sleep", "100"]);
    const joined = await lines(inode("net"), {
      namespaces: {
        ...fixture.specInput("x", ["x"]).namespaces,
        network: { path: `/proc/${other.pid}/ns/net` },
      },
      host: { NetworkMode: "container:x" },
    });
    expect(joined).toEqual([
      Bun.spawnSync(["readlink", `/proc/${other.pid}/ns/net`])
        .stdout.toString()
        .trim(),
    ]);
    await runtime.delete(other.id, { force: true });
  });
});
