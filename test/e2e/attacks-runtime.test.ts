// What a container has, sees and reaches, and what it can do to its engine by being hostile in its own files.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// A machine may be busy; none of these is about time.
setDefaultTimeout(60_000);
const SECRET = "hunter2-of-the-daemon";
const { docker, dockerResult, engine, inspect, eventually } = useEngine({
  env: { BERTH_TEST_SECRET: SECRET },
});

/** The engine answers, whatever a container has done. */
async function stillServes(): Promise<void> {
  expect(await (await engine().api("GET", "/_ping")).text()).toBe("OK");
}

/** Where a process's descriptors lead. */
function descriptorsOf(pid: number | string): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

/** The container monitors of this engine. */
function monitors(): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return command.includes("conmon\0") && command.includes(engine().root);
    } catch {
      return false;
    }
  });
}

const memoryOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;

describe("a container has what Docker's has, and no more", () => {
  const STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status";
  // As dockerd 20.10 gives them.
  const confined = [
    "CapInh:\t0000000000000000",
    "CapPrm:\t00000000a80425fb",
    "CapEff:\t00000000a80425fb",
    "CapBnd:\t00000000a80425fb",
    "CapAmb:\t0000000000000000",
    "NoNewPrivs:\t0",
    "Seccomp:\t2",
  ].join("\n");

  test("fourteen capabilities, none inheritable, and a filter for system calls; in exec, too", async () => {
    expect(await docker("run", "--rm", IMAGE, "sh", "-c", STATUS)).toBe(confined);
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    expect(await docker("exec", id, "sh", "-c", STATUS)).toBe(confined);
    await docker("rm", "-f", id);
  });

  test("as another user the effective set is empty", async () => {
    const status = await docker("run", "--rm", "-u", "1000", IMAGE, "sh", "-c", STATUS);
    expect(status).toContain("CapEff:\t0000000000000000");
    expect(status).toContain("CapPrm:\t0000000000000000");
  });

  test("what changes the kernel is read-only or missing, and opened for --privileged only", async () => {
    const attempts = [
      "echo x > /proc/sys/kernel/domainname",
      "echo x > /proc/sys/vm/drop_caches",
      "mkdir /sys/fs/cgroup/memory/x",
      "mount -t tmpfs none /www",
      "unshare -U true",
      "unshare -m true",
      "mknod /disk b 254 0 && head -c1 /disk",
      "cat /proc/kcore | head -c1 | grep .",
      "dmesg -c",
    ];
    const script = attempts.map((attempt, i) => `(${attempt}) >/dev/null 2>&1 && echo ${i}`).join("; ");
    expect(await docker("run", "--rm", IMAGE, "sh", "-c", `${script}; true`)).toBe("");
    const privileged = await docker(
      "run",
      "--rm",
      "--privileged",
      IMAGE,
      "sh",
      "-c",
      `${STATUS}; mount -t tmpfs none /www && echo mounted; grep -c . /proc/keys > /dev/null && echo keys`,
    );
    expect(privileged).toMatch(/CapInh:\t0{16}\n/);
    expect(privileged).toMatch(/Seccomp:\t0\nmounted\nkeys$/);
  });

  test("its environment is the image's and the user's, and its monitor's is clean", async () => {
    const id = await docker("run", "-d", "-e", "MINE=1", IMAGE, "sleep", "100");
    const all = await docker(
      "exec",
      id,
      "sh",
      "-c",
      "cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n' | sort -u",
    );
    expect(all.split("\n").map((line) => line.split("=")[0])).toEqual(
      expect.arrayContaining(["HOME", "HOSTNAME", "MINE", "PATH"]),
    );
    expect(all).not.toContain(SECRET);
    expect(monitors().length).toBeGreaterThan(0);
    for (const pid of monitors()) expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain(SECRET);
    await docker("rm", "-f", id);
  });

  test("neither it nor its monitor holds a descriptor of the engine's", async () => {
    const id = await docker("run", "-d", "-i", "-p", "127.0.0.1::80", IMAGE, "sleep", "100");
    const other = await docker("run", "-d", IMAGE, "sleep", "100");
    const pid = await inspect(id, "{{.State.Pid}}");
    expect(descriptorsOf(pid).filter((path) => !/^(pipe:|\/dev\/null)/.test(path))).toEqual([]);
    for (const monitor of monitors()) {
      const held = descriptorsOf(monitor).join("\n");
      expect(held).not.toMatch(/berth\.(db|sock)|\/blobs\/|\/snapshots\//);
      // Of its own container only.
      expect(held.includes(id) && held.includes(other)).toBe(false);
      expect(held).not.toContain(join(engine().root, "daemon.log"));
    }
    await docker("rm", "-f", id, other);
  });

  test("no TCP port leads to the engine unless somebody asked for one (CVE-2025-9074)", () => {
    const listening = ["tcp", "tcp6"]
      .flatMap((name) => readFileSync(`/proc/${engine().pid}/net/${name}`, "utf8").split("\n"))
      .flatMap(
        (line) => (/^\s*\d+: \S+ \S+ 0A .* (\d+) \d+ [0-9a-f]{8,}/.exec(line)?.[1] ?? []) as string | [],
      );
    const held = new Set(descriptorsOf(engine().pid));
    expect(listening.filter((inode) => held.has(`socket:[${inode}]`))).toEqual([]);
  });
});

describe("a process that is exec'd", () => {
  test("shows nobody in the container what its maker held (CVE-2016-9962)", async () => {
    // May trace, sees every process of the container, and looks without a pause.
    const look =
      "while :; do for p in /proc/[0-9]*; do for f in $p/fd/* $p/cwd $p/root $p/exe; do readlink $f; done; done 2>/dev/null; done";
    const id = await docker("run", "-d", "--cap-add", "SYS_PTRACE", IMAGE, "sh", "-c", look);
    for (let round = 0; round < 15; round++) await docker("exec", id, "true");
    const seen = new Set((await docker("logs", "--tail", "200000", id)).split("\n"));
    await docker("rm", "-f", id);
    // The runtime's program is the sealed copy, which nobody can write (CVE-2019-5736). Files of /etc are the container's own:
    // the runtime looks up the user in them when it is inside already. Those of an exec are this one's alone, read already, and gone
    // with it: what is written into them then changes nothing.
    const own =
      /^(\/etc\/(passwd|group)|\/memfd:\S*(runc|crun) \(deleted\)|\S+\/exec\/tmp\/exec-\w+\/(log|notes\/\w+\/seccomp\.bpf)( \(deleted\))?|anon_inode:\[eventpoll\]|\/|\/bin\/busybox|\/dev\/(null|pts\/\d+)|\/proc\/.*|(pipe|socket):\[\d+\]|)$/;
    expect([...seen].filter((path) => !own.test(path))).toEqual([]);
  });
});

describe("a container whose own files are hostile", () => {
  const MESS: Record<string, string> = {
    "a fifo as passwd": "rm /etc/passwd; mkfifo /etc/passwd",
    "a device as passwd": "rm /etc/passwd; mknod /etc/passwd c 1 5",
    "a directory as passwd": "rm /etc/passwd; mkdir /etc/passwd",
    "an endless file as passwd": "rm /etc/passwd; ln -s /dev/zero /etc/passwd",
    "100 GB as passwd": "truncate -s 100G /etc/passwd",
    "the kernel's log as passwd": "rm /etc/passwd; ln -s /proc/kmsg /etc/passwd",
    "its own environment as passwd": "rm /etc/passwd; ln -s /proc/self/environ /etc/passwd",
    "a link to itself as passwd": "rm /etc/passwd; ln -s passwd /etc/passwd",
    "a descriptor as passwd": "rm /etc/passwd; ln -s /proc/self/fd/0 /etc/passwd",
    "the host's passwd": "rm /etc/passwd; ln -s ../../../../../../etc/passwd /etc/passwd",
    "a process as /etc": "mv /etc /old; ln -s /proc/self /etc",
    "one line of a megabyte as passwd": "head -c 1000000 /dev/zero | tr '\\0' x > /etc/passwd",
  };
  for (const [name, mess] of Object.entries(MESS)) {
    test(`${name}: nobody becomes root by it, it can be removed, and the engine goes on`, async () => {
      const id = await docker("run", "-d", IMAGE, "sh", "-c", `${mess}; touch /ready; sleep 100`);
      await eventually(async () => (await dockerResult(["cp", `${id}:/ready`, "-"])).code, 0);
      for (const user of ["www-data", "kmsg", "bin"]) {
        // A runtime that reads the kernel's log would wait for it.
        const result = await dockerResult(["exec", "-u", user, id, "id", "-u"]);
        expect({ user, ran: result.code === 0 || /^\d+$/m.test(result.stdout) }).toEqual({
          user,
          ran: false,
        });
      }
      await stillServes();
      await docker("kill", id);
      const starting = dockerResult(["start", id]);
      // Of those that cannot start some fail at once, and one would wait for ever.
      await Promise.race([starting, Bun.sleep(300)]);
      await docker("rm", "-f", id);
      await starting;
      await stillServes();
    });
  }

  test("a working directory that is, or becomes, a way out", async () => {
    for (const target of [
      "/proc/self/fd/7",
      "/proc/1/root",
      "/proc/self/cwd",
      "../../../../../proc/self/fd/8",
    ]) {
      const id = await docker(
        "run",
        "-d",
        IMAGE,
        "sh",
        "-c",
        `ln -s ${target} /way; touch /ready; sleep 100`,
      );
      await eventually(async () => (await dockerResult(["cp", `${id}:/ready`, "-"])).code, 0);
      const { stdout } = await dockerResult(["exec", "-w", "/way", id, "sh", "-c", "ls ../../../../..; ls"]);
      for (const name of ["ready", "fd"]) expect(["", name]).toContain(stdout.includes(name) ? name : "");
      expect(stdout).not.toMatch(/^(boot|lost\+found|snap|srv)$/m);
      await docker("rm", "-f", id);
    }
  });
});

describe("a container that wants more than its share", () => {
  test("a fork bomb under a limit of processes is killed as easily as any other", async () => {
    const bomb = "f() { f | f & }; f; sleep 100";
    const id = await docker("run", "-d", "--pids-limit", "40", IMAGE, "sh", "-c", bomb);
    await stillServes();
    expect(Number(await inspect(id, "{{.HostConfig.PidsLimit}}"))).toBe(40);
    // No room for one more: a failure, not a hang.
    await dockerResult(["exec", id, "true"]);
    await docker("rm", "-f", id);
    await stillServes();
  });

  test("a health check that never stops printing is cut", async () => {
    const id = await docker(
      "run",
      "-d",
      "--health-cmd",
      "yes | head -c 50000000",
      "--health-interval",
      "1s",
      IMAGE,
      "sleep",
      "100",
    );
    const before = memoryOf(engine().pid);
    await eventually(async () => Number(await inspect(id, "{{len .State.Health.Log}}")) > 0, true);
    expect(Number(await inspect(id, "{{len (index .State.Health.Log 0).Output}}"))).toBe(4096 + "...".length);
    expect(memoryOf(engine().pid) - before).toBeLessThan(64 << 20);
    await docker("rm", "-f", id);
  });

  test("a log that is written as fast as it goes stays within bounds, with and without lines", async () => {
    for (const flood of ["yes", "cat /dev/zero"]) {
      const id = await docker(
        "run",
        "-d",
        "--log-opt",
        "max-size=1m",
        "--log-opt",
        "max-file=2",
        IMAGE,
        "sh",
        "-c",
        flood,
      );
      await Bun.sleep(1500);
      await stillServes();
      await docker("kill", id);
      const directory = join(engine().root, "data/containers", id);
      const bytes = readdirSync(directory).reduce(
        (sum, name) => sum + Bun.file(join(directory, name)).size,
        0,
      );
      // What comes between two looks is kept, too: some hundred milliseconds of it.
      expect(bytes).toBeLessThan(200 << 20);
      await docker("rm", "-f", id);
    }
  });
});

describe("the engine's own notes, damaged", () => {
  /** crun's, or runc's. */
  const stateIn = (runtime: string) =>
    ["status", "state.json"].map((name) => join(runtime, name)).find((path) => existsSync(path))!;

  /** By what a full disk, a crash of the host or a curious administrator does to files. */
  const DAMAGE: Record<
    string,
    (at: { runtime: string; bundle: string; exit: string; data: string }) => void
  > = {
    "the runtime's state is cut short": ({ runtime }) => writeFileSync(stateIn(runtime), "{"),
    "the runtime's state is another's": ({ runtime }) => {
      const text = readFileSync(stateIn(runtime), "utf8");
      writeFileSync(stateIn(runtime), text.replace(/("init_process_pid"|"pid"): ?\d+/, "$1:1"));
    },
    "the runtime's state is gone": ({ runtime }) => rmSync(runtime, { recursive: true }),
    "the bundle is nonsense": ({ bundle }) => writeFileSync(join(bundle, "config.json"), "nonsense"),
    "the monitor's number is somebody else's": ({ bundle }) => writeFileSync(join(bundle, "conmon.pid"), "1"),
    "the monitor's sockets are gone": ({ bundle }) => {
      for (const name of ["attach", "ctl", "winsz"]) rmSync(join(bundle, name));
    },
    "the note of its end is nonsense": ({ exit }) => writeFileSync(exit, Buffer.alloc(5000, 0xff)),
    "its log is noise": ({ data }) =>
      writeFileSync(join(data, "output.log"), Buffer.alloc(100_000, "\n noise \0\xff")),
    "its log is a pipe": ({ data }) => {
      rmSync(join(data, "output.log"));
      Bun.spawnSync(["mkfifo", join(data, "output.log")]);
    },
  };

  for (const [name, damage] of Object.entries(DAMAGE)) {
    test(`${name}: the container can be removed, and all others are as before`, async () => {
      const other = await docker("run", "-d", IMAGE, "sleep", "100");
      const ids = [
        await docker("run", "-d", IMAGE, "sleep", "100"),
        await docker("run", "-d", IMAGE, "sleep", "100"),
      ];
      const pids = await Promise.all(ids.map((id) => inspect(id, "{{.State.Pid}}")));
      for (const id of ids) {
        const below = (folder: string) => join(engine().root, "exec", folder, id);
        const data = join(engine().root, "data/containers", id);
        damage({ runtime: below("runtime"), bundle: below("containers"), exit: below("exits"), data });
      }
      for (const command of [["logs"], ["inspect"], ["stop", "-t", "0"]])
        await dockerResult([...command, ids[0]!]);
      await docker("rm", "-f", ids[0]!);
      // The next engine meets it, too.
      await engine().kill();
      await engine().start();
      await dockerResult(["logs", ids[1]!]);
      await docker("rm", "-f", ids[1]!);
      for (const pid of pids) expect(existsSync(`/proc/${pid}`)).toBe(false);
      for (const id of ids) {
        expect((await runCommand(["find", "/sys/fs/cgroup", "-name", id])).stdout).toBe("");
      }
      expect(await docker("exec", other, "echo", "well")).toBe("well");
      await docker("rm", "-f", other);
    });
  }
});
