import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../linux/index.ts";
import type { ContainerExit, Runtime } from "./contract.ts";
import { RuntimeError } from "./errors.ts";
import { ExitWatcher } from "./exits.ts";
import { openInput, reopenLog, resizeTerminal } from "./input.ts";
import { PATIENCE_MS, printed, RUNTIMES, RuntimeFixture } from "./testing/fixture.ts";

describe.each(RUNTIMES)("%s", (name) => {
  setDefaultTimeout(PATIENCE_MS);
  const waiting = new Map<string, (exit: ContainerExit) => void>();
  let fixture: RuntimeFixture;
  let exits: ExitWatcher;
  let runtime: Runtime;

  beforeAll(async () => {
    fixture = new RuntimeFixture({ default: name });
    exits = new ExitWatcher(fixture.execRoot, (id, exit) => waiting.get(id)?.(exit), {
      cgroups: fixture.cgroups,
    });
    runtime = await fixture.runtimes.get(undefined);
  });
  afterAll(async () => {
    exits[Symbol.dispose]();
    await fixture[Symbol.asyncDispose]();
  });

  type Options = Parameters<RuntimeFixture["create"]>[1];

  function nextExit(id: string): Promise<ContainerExit> {
    return new Promise((resolve) => waiting.set(id, resolve));
  }

  /** A started container and the promise of its end. */
  async function start(args: string[], over?: Options): Promise<Started> {
    const container = await fixture.create(args, over);
    const exited = nextExit(container.id);
    exits.track(container.id);
    await runtime.start(container.id);
    return { ...container, exited };
  }
  type Started = Awaited<ReturnType<RuntimeFixture["create"]>> & { exited: Promise<ContainerExit> };

  const logOf = (bundle: string) => readFileSync(join(bundle, "output.log"), "utf8");
  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      if (await holds()) return;
      await Bun.sleep(10);
    }
    throw new Error(`waited too long: ${what}`);
  }

  const failure = (promise: Promise<unknown>): Promise<RuntimeError> =>
    promise.then(
      () => Promise.reject(new Error("it did not fail")),
      (error) => (error instanceof RuntimeError ? error : Promise.reject(error)),
    );

  describe("a container's life", () => {
    test("it runs, prints, ends with its code, and leaves nothing", async () => {
      const container = await start(["sh", "-c", "echo out; echo err >&2; exit 7"]);
      const exit = await container.exited;
      expect(exit.code).toBe(7);
      expect(exit.oomKilled).toBe(false);
      expect(logOf(container.bundle)).toMatch(/^\S+ stdout F out$/m);
      expect(logOf(container.bundle)).toMatch(/^\S+ stderr F err$/m);
      await runtime.delete(container.id);
      await runtime.delete(container.id);
      expect(existsSync(join(fixture.execRoot, "runtime", container.id))).toBe(false);
      expect(findCgroups(container.id)).toEqual([]);
    });

    test("create waits before the user's program, and start lets it go on", async () => {
      const container = await fixture.create(["sh", "-c", "echo ran"]);
      expect(isAlive(container.pid, container.startTime)).toBe(true);
      expect(logOf(container.bundle)).toBe("");
      const exited = nextExit(container.id);
      await runtime.start(container.id);
      await exited;
      expect(printed(container.bundle, "stdout")).toBe("ran\n");
    });

    test("a container that was started cannot be started again", async () => {
      const container = await start(["sleep", "100"]);
      expect(runtime.start(container.id)).rejects.toThrow(/was started before/);
      await runtime.delete(container.id, { force: true });
    });

    test("a container whose first process was killed before its start says so", async () => {
      const container = await fixture.create(["true"]);
      const exited = nextExit(container.id);
      await runtime.kill(container.id, 9);
      expect((await exited).code).toBe(137);
      const error = await failure(runtime.start(container.id));
      expect(error.message).toContain("container process is already dead");
      await runtime.delete(container.id);
    });

    test("signals arrive, and their number becomes the code", async () => {
      const trapping = await start([
        "sh",
        "-c",
        "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
      ]);
      await until("the trap is set", () => printed(trapping.bundle, "stdout").includes("ready"));
      await runtime.kill(trapping.id, 15);
      expect((await trapping.exited).code).toBe(3);
      expect(printed(trapping.bundle, "stdout")).toBe("ready\ngot\n");
      const killed = await start(["sleep", "100"]);
      await runtime.kill(killed.id, 9);
      expect((await killed.exited).code).toBe(137);
      // It has ended: no error.
      await runtime.kill(killed.id, 15);
    });

    test("kill of nothing is NotFound", async () => {
      expect(runtime.kill("nosuch", 9)).rejects.toThrow("No such container: nosuch");
    });

    test("kill all reaches processes that share the host's PID namespace", async () => {
      const namespaces = { ...fixture.specInput("x", ["x"]).namespaces, pid: "host" as const };
      const container = await start(["sh", "-c", "sleep 1000 & sleep 1000 & echo up; wait"], { namespaces });
      const { cgroupsPath } = container.spec.linux;
      await until(
        "the children run",
        async () => (await fixture.cgroups.processes(cgroupsPath)).length === 3,
      );
      await runtime.kill(container.id, 9, { all: true });
      await container.exited;
      await until("all have ended", async () => (await fixture.cgroups.processes(cgroupsPath)).length === 0);
      await runtime.delete(container.id);
    });

    test("delete refuses a running container, and force ends it with all that is in it", async () => {
      const namespaces = { ...fixture.specInput("x", ["x"]).namespaces, pid: "host" as const };
      const container = await start(["sh", "-c", "sleep 1000 & sleep 1000; true"], { namespaces });
      await until("the children run", async () => {
        return (await fixture.cgroups.processes(container.spec.linux.cgroupsPath)).length === 3;
      });
      expect(runtime.delete(container.id)).rejects.toThrow(/not stopped/);
      const processes = await fixture.cgroups.processes(container.spec.linux.cgroupsPath);
      await runtime.delete(container.id, { force: true });
      expect(processes.filter((pid) => isAlive(pid))).toEqual([]);
      await until("the monitor has ended", () => !isAlive(container.conmonPid));
      expect(findCgroups(container.id)).toEqual([]);
    });

    test("force ends and forgets one whose notes the runtime cannot read any more", async () => {
      for (const damage of ["", "{", "{}", "null"]) {
        const container = await start(["sh", "-c", "sleep 1000 & sleep 1000"]);
        const state = join(fixture.execRoot, "runtime", container.id, "state.json");
        writeFileSync(state, damage);
        expect(runtime.delete(container.id)).rejects.toThrow();
        await runtime.delete(container.id, { force: true });
        await until("it has ended", () => !isAlive(container.pid, container.startTime));
        expect(findCgroups(container.id)).toEqual([]);
        expect(existsSync(state)).toBe(false);
      }
    });

    test("cgroups that the container made within its own are removed with it", async () => {
      const container = await start(
        ["sh", "-c", "mkdir -p /sys/fs/cgroup/memory/a/b /sys/fs/cgroup/pids/c && echo made; exit 0"],
        { host: { SecurityOpt: ["writable-cgroups"] } },
      );
      await container.exited;
      if (fixture.cgroups.version === 1) expect(printed(container.bundle, "stdout")).toBe("made\n");
      await runtime.delete(container.id);
      expect(findCgroups(container.id)).toEqual([]);
    });

    test("pause stops every process and resume lets them go on", async () => {
      const container = await start(["sh", "-c", "while :; do echo tick; sleep 0.01; done"]);
      await until("it prints", () => logOf(container.bundle) !== "");
      await runtime.pause(container.id);
      const { cgroupsPath } = container.spec.linux;
      expect(fixture.cgroups.isFrozen(cgroupsPath)).toBe(true);
      const sizes: number[] = [];
      for (let look = 0; look < 3; look++) {
        sizes.push(logOf(container.bundle).length);
        await Bun.sleep(30);
      }
      expect(new Set(sizes.slice(1)).size).toBe(1);
      await runtime.resume(container.id);
      await until("it prints again", () => logOf(container.bundle).length > (sizes.at(-1) ?? 0));
      // A frozen container can be killed and removed.
      await runtime.pause(container.id);
      await runtime.delete(container.id, { force: true });
      await container.exited;
    });

    test("update changes the limits of a running container", async () => {
      const container = await start(["sleep", "100"], { host: { Memory: 64 << 20 } });
      await runtime.update(container.id, {
        Memory: 128 << 20,
        MemorySwap: 256 << 20,
        PidsLimit: 77,
        CpuShares: 512,
      });
      const stats = await fixture.cgroups.stats(container.spec.linux.cgroupsPath);
      expect(stats.memory_stats.limit).toBe(128 << 20);
      expect(stats.pids_stats.limit).toBe(77);
      await runtime.delete(container.id, { force: true });
    });
  });

  describe("a creation that fails", () => {
    test.each([
      [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
      [["/no/such"], 127, 'exec: "/no/such": stat /no/such: no such file or directory'],
      [["/etc"], 126, "permission denied"],
      [["/etc/plain"], 126, 'exec: "/etc/plain": permission denied'],
    ] as const)("%p ends with %p", async (args, exitCode, words) => {
      writeFileSync(join(fixture.rootfs, "etc/plain"), "text", { mode: 0o644 });
      const request = fixture.request(args);
      const error = await failure(runtime.create(request));
      expect(error.kind).toBe("InvalidParameter");
      expect(error.exitCode).toBe(exitCode);
      expect(error.message).toStartWith(
        `failed to create task for container: failed to create shim task: OCI runtime create failed: ${name} create failed: unable to start container process:`,
      );
      expect(error.message).toContain(words);
      expect(existsSync(join(fixture.execRoot, "runtime", request.id))).toBe(false);
      expect(readdirSync(request.bundle).sort()).toEqual(["config.json", "output.log"]);
      expect(findCgroups(request.id)).toEqual([]);
    });

    test("a mount of a directory onto a file gets Docker's hint", async () => {
      const mounts = [{ source: "/etc", destination: "/etc/plain", type: "bind", options: ["rbind"] }];
      writeFileSync(join(fixture.rootfs, "etc/plain"), "text", { mode: 0o644 });
      const error = await failure(runtime.create(fixture.request(["true"], { mounts })));
      expect(error.exitCode).toBe(127);
      expect(error.message).toContain("Are you trying to mount a directory onto a file (or vice-versa)?");
    });

    test("a specification that cannot be had ends it, and nothing was begun", async () => {
      const request = fixture.request(["true"]);
      const spec = Bun.sleep(5).then(() => Promise.reject(new Error("no such image")));
      expect(runtime.create({ ...request, spec })).rejects.toThrow("no such image");
      await spec.catch(() => {});
      await until("the monitor has ended", () => !monitors().includes(request.id));
      expect(readdirSync(request.bundle).filter((name) => name !== "output.log")).toEqual([]);
    });

    test("aborting undoes it", async () => {
      for (const afterMs of [0, 3, 8, 15, 25]) {
        const controller = new AbortController();
        const request = fixture.request(["sleep", "1000"], { create: { signal: controller.signal } });
        const creation = runtime.create(request).then(
          () => "created",
          (error) => String(error),
        );
        await Bun.sleep(afterMs);
        controller.abort(new Error("enough"));
        const outcome = await creation;
        if (outcome === "created") {
          await runtime.delete(request.id, { force: true });
          continue;
        }
        expect(outcome).toContain("enough");
        expect(existsSync(join(fixture.execRoot, "runtime", request.id))).toBe(false);
        expect(findCgroups(request.id)).toEqual([]);
        expect(readdirSync(request.bundle)).not.toContain("conmon.pid");
      }
    });
  });

  describe("a container's end", () => {
    test("out of memory is told", async () => {
      const container = await start(["sh", "-c", "tail /dev/zero"], {
        host: { Memory: 16 << 20, MemorySwap: 16 << 20 },
      });
      const exit = await container.exited;
      expect(exit.oomKilled).toBe(true);
      await runtime.delete(container.id);
    });

    test("what happened while nobody looked is told to whoever looks next", async () => {
      const container = await fixture.create(["sh", "-c", "exit 5"]);
      await runtime.start(container.id);
      await until("it has ended", () => existsSync(join(fixture.execRoot, "exits", container.id)));
      const told: [string, number][] = [];
      using later = new ExitWatcher(fixture.execRoot, (id, exit) => told.push([id, exit.code]), {
        cgroups: fixture.cgroups,
      });
      expect(later.lastExit(container.id)?.code).toBe(5);
      later.track(container.id);
      expect(told).toEqual([]);
      await until("it is told", () => told.length > 0);
      later.track(container.id);
      await Bun.sleep(20);
      expect(told).toEqual([[container.id, 5]]);
      later.forget(container.id);
      expect(later.lastExit(container.id)).toBeUndefined();
      await runtime.delete(container.id);
    });

    test("a daemon that is killed takes nothing along, and the next one knows the end", async () => {
      const script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.002; done; exit 9";
      const request = fixture.request(["sh", "-c", script]);
      const order = JSON.stringify({
        execRoot: fixture.execRoot,
        cgroupParent: fixture.cgroupParent,
        request,
      });
      const daemon = Bun.spawn([process.execPath, join(import.meta.dir, "testing/doomed-daemon.ts"), order], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const output = daemon.stdout.getReader();
      const { value } = await output.read();
      const { pid, startTime } = JSON.parse(new TextDecoder().decode(value)) as {
        pid: number;
        startTime: string;
      };
      daemon.kill("SIGKILL");
      await daemon.exited;
      expect(isAlive(pid, startTime)).toBe(true);
      const exited = nextExit(request.id);
      exits.track(request.id);
      expect((await exited).code).toBe(9);
      expect(printed(request.bundle, "stdout").split("\n").length).toBe(201);
      await runtime.delete(request.id);
    });

    test("a monitor that is killed takes its container along", async () => {
      const container = await start(["sleep", "1000"]);
      process.kill(container.conmonPid, "SIGKILL");
      const exit = await container.exited;
      expect(exit.code).toBe(137);
      expect(isAlive(container.pid, container.startTime)).toBe(false);
      expect(exits.lastExit(container.id)?.code).toBe(137);
      await runtime.delete(container.id);
    });
  });

  describe("standard input and the terminal", () => {
    const interactive = { create: { stdinOpen: true, stdinOnce: true } };

    test("what is written arrives whole, and half-close is the end of the file", async () => {
      const container = await start(["sha256sum"], interactive);
      const bytes = new Uint8Array(10_000_000).map((_, index) => index % 251);
      await using input = await openInput(container.bundle);
      await input.write(bytes);
      input.end();
      expect((await container.exited).code).toBe(0);
      const sum = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      expect(printed(container.bundle, "stdout")).toStartWith(sum);
      await runtime.delete(container.id);
    });

    test("an input that is not to be closed outlives its first writer", async () => {
      const container = await start(["sh", "-c", "read a; read b; echo $a-$b"], {
        create: { stdinOpen: true, stdinOnce: false },
      });
      for (const line of ["one\n", "two\n"]) {
        await using input = await openInput(container.bundle);
        await input.write(new TextEncoder().encode(line));
        input.end();
        await Bun.sleep(20);
      }
      await container.exited;
      expect(printed(container.bundle, "stdout")).toBe("one-two\n");
      await runtime.delete(container.id);
    });

    test("inputs that are opened and closed leave no descriptor", async () => {
      const container = await start(["sleep", "1000"], { create: { stdinOpen: true, stdinOnce: false } });
      const descriptors = () => readdirSync("/proc/self/fd").length;
      const rounds = async (count: number) => {
        for (let round = 0; round < count; round++) {
          const input = await openInput(container.bundle);
          await input.write(new Uint8Array(1));
          input.end();
          await input[Symbol.asyncDispose]();
        }
        await Bun.sleep(20);
      };
      await rounds(5);
      const before = descriptors();
      await rounds(100);
      expect(descriptors()).toBeLessThanOrEqual(before);
      await runtime.delete(container.id, { force: true });
    });

    test("without an open input the process reads nothing", async () => {
      const container = await start(["cat"]);
      expect((await container.exited).code).toBe(0);
      await runtime.delete(container.id);
      expect(openInput(container.bundle)).rejects.toThrow("the container is not running");
    });

    test("a terminal has the size that was asked for, and another when it is changed", async () => {
      const container = await start(["sh", "-c", "stty size; tty; read x; stty size; echo bye"], {
        config: { Tty: true },
        host: { ConsoleSize: [31, 99] },
      });
      await until("it waits", () => printed(container.bundle, "stdout").includes("/dev/pts/0"));
      expect(printed(container.bundle, "stdout")).toStartWith("31 99\r\n");
      await resizeTerminal(container.bundle, 40, 120);
      await using input = await openInput(container.bundle);
      await Bun.sleep(20);
      await input.write(new TextEncoder().encode("go\r"));
      expect((await container.exited).code).toBe(0);
      expect(printed(container.bundle, "stdout")).toEndWith("40 120\r\nbye\r\n");
      await resizeTerminal(container.bundle, 10, 10);
      await runtime.delete(container.id);
    });

    test("the log goes on in a new file when the old one was renamed", async () => {
      const container = await start(["sh", "-c", "echo one; read x; echo two"], interactive);
      await until("one is there", () => printed(container.bundle, "stdout") === "one\n");
      const log = join(container.bundle, "output.log");
      renameSync(log, `${log}.1`);
      await reopenLog(container.bundle);
      await until("the new file is there", () => existsSync(log));
      await using input = await openInput(container.bundle);
      await input.write(new TextEncoder().encode("\n"));
      await container.exited;
      expect(printed(container.bundle, "stdout")).toBe("two\n");
      expect(readFileSync(`${log}.1`, "utf8")).toContain("one");
      await runtime.delete(container.id);
    });
  });

  describe("confinement", () => {
    test("a process has three descriptors, no inheritable rights, and the default filter", async () => {
      const script = "ls /proc/self/fd | wc -l; grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/1/status";
      const container = await start(["sh", "-c", script]);
      await container.exited;
      const lines = printed(container.bundle, "stdout").split("\n");
      // Three, and the one with which ls reads the directory.
      expect(lines[0]).toBe("4");
      expect(lines).toContain("CapInh:\t0000000000000000");
      expect(lines).toContain("CapAmb:\t0000000000000000");
      expect(lines).toContain("CapBnd:\t00000000a80425fb");
      expect(lines).toContain("CapEff:\t00000000a80425fb");
      expect(lines).toContain("Seccomp:\t2");
      await runtime.delete(container.id);
    });

    test("the monitor has left the daemon's descriptors, environment and parentage behind", async () => {
      const container = await start(["sleep", "1000"]);
      const proc = `/proc/${container.conmonPid}`;
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`${proc}/status`, "utf8"))?.[1];
      expect(Number(parent)).not.toBe(process.pid);
      const names = readFileSync(`${proc}/environ`, "utf8")
        .split("\0")
        .filter(Boolean)
        .map((entry) => entry.split("=")[0]);
      expect(names.sort()).toEqual([
        "GOMAXPROCS",
        "LANG",
        "PATH",
        "TMPDIR",
        "_OCI_STARTPIPE",
        "_OCI_SYNCPIPE",
      ]);
      const descriptors = readdirSync(`${proc}/fd`).map((fd) => readlinkSync(`${proc}/fd/${fd}`));
      expect(descriptors.filter((target) => target.startsWith("/") && !OF_A_MONITOR.test(target))).toEqual(
        [],
      );
      await runtime.delete(container.id, { force: true });
    });

    test("the kernel's switches are out of reach", async () => {
      // Version 1 mounts its hierarchies, read-only, in a tmpfs of the container's own.
      const sub = fixture.cgroups.version === 1 ? "/memory" : "";
      const script = `echo 1 > /proc/sys/kernel/hostname; cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; mkdir /sys/fs/cgroup${sub}/x`;
      const container = await start(["sh", "-c", script]);
      await container.exited;
      expect(printed(container.bundle, "stdout")).toBe("0\n0\n");
      expect(printed(container.bundle, "stderr")).toMatch(
        /hostname: Read-only file system[\s\S]*cgroup\S*\/x': Read-only/,
      );
      await runtime.delete(container.id);
    });
  });

  /** The command lines of all monitors. */
  function monitors(): string {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8");
        } catch {
          return "";
        }
      })
      .filter((line) => line.includes("conmon"))
      .join("\n");
  }

  /** What conmon has open itself: its fifos, the log, the container's memory events. */
  const OF_A_MONITOR = /^\/dev\/null$|\/(?:ctl|winsz|output\.log)$|\/memory\.oom_control$/;

  /** Cgroups of a container in any hierarchy. */
  function findCgroups(id: string): string[] {
    const roots = existsSync("/sys/fs/cgroup/cgroup.controllers")
      ? ["/sys/fs/cgroup"]
      : readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name));
    return roots.map((root) => join(root, fixture.cgroupParent, id)).filter((path) => existsSync(path));
  }
});
