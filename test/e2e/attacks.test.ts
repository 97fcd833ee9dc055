// What went wrong in container engines before, tried on this one.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// A machine may be busy; none of these is about time.
setDefaultTimeout(60_000);
const { docker, dockerResult, engine, eventually } = useEngine();

/** A folder of the host whose contents and modes must not change. */
function canary(): { path: string; state(): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "berth-canary-"));
  mkdirSync(join(path, "etc"));
  writeFileSync(join(path, "etc/passwd"), "untouched");
  chmodSync(path, 0o751);
  return {
    path,
    state: () =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .map((entry) => {
          const full = join(entry.parentPath, entry.name);
          return `${full} ${statSync(full).mode} ${entry.isFile() ? readFileSync(full, "utf8") : ""}`;
        })
        .concat(`${statSync(path).mode}`)
        .sort()
        .join("\n"),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Processes that the engine itself has started and that live. */
function childrenOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
}

describe("cp", () => {
  test("a container that swaps a directory for a link during cp never reaches the host (CVE-2018-15664)", async () => {
    const trap = canary();
    const before = trap.state();
    const swap = `mkdir -p /work/real; cd /work; while :; do ln -s ${trap.path} link; mv link swap 2>/dev/null; rm -rf swap; mkdir swap; rm -rf swap; done`;
    const id = await docker("run", "-d", IMAGE, "sh", "-c", swap);
    const archive = Bun.spawnSync(["tar", "-C", "/etc", "-cf", "-", "hostname"]).stdout;
    for (let round = 0; round < 300; round++) {
      const put = fetch(`http://localhost/v1.41/containers/${id}/archive?path=/work/swap`, {
        unix: engine().socket,
        method: "PUT",
        body: new Uint8Array(archive),
      });
      const got = engine().api("GET", `/v1.41/containers/${id}/archive?path=/work/swap/etc/passwd`);
      await (await put).text();
      const answer = await got;
      const bytes = await answer.bytes();
      expect(new TextDecoder().decode(bytes)).not.toContain("untouched");
    }
    expect(trap.state()).toBe(before);
    await docker("rm", "-f", id);
    trap.remove();
  });

  test("links in the container are followed inside it, absolute ones too (GHSA-vp62)", async () => {
    const id = await docker("create", IMAGE);
    const folder = mkdtempSync(join(tmpdir(), "berth-cp-"));
    const file = join(folder, "file");
    writeFileSync(file, "through the link");
    await docker("start", id);
    const running = await docker(
      "run",
      "-d",
      IMAGE,
      "sh",
      "-c",
      "mkdir /run; ln -s /run /var/run; ln -s ../../../../../../etc /up; sleep 100",
    );
    await eventually(async () => (await dockerResult(["exec", running, "test", "-h", "/up"])).code, 0);
    await docker("cp", file, `${running}:/var/run/file`);
    expect(await docker("exec", running, "cat", "/run/file")).toBe("through the link");
    await docker("cp", file, `${running}:/up/planted`);
    expect(await docker("exec", running, "cat", "/etc/planted")).toBe("through the link");
    expect(readdirSync("/etc")).not.toContain("planted");
    await docker("rm", "-f", id, running);
    rmSync(folder, { recursive: true });
  });

  test("an archive with .., absolute names and links out stays inside (path tricks in cp)", async () => {
    const trap = canary();
    const before = trap.state();
    const id = await docker("create", IMAGE);
    const build = mkdtempSync(join(tmpdir(), "berth-tar-"));
    writeFileSync(join(build, "payload"), "evil");
    const tars = [
      ["-P", `--transform=s,payload,${trap.path}/etc/passwd,`, "payload"],
      ["-P", `--transform=s,payload,../../../../../..${trap.path}/etc/passwd,`, "payload"],
    ];
    for (const args of tars) {
      const archive = Bun.spawnSync(["tar", "-C", build, "-cf", "-", ...args]).stdout;
      const response = await fetch(`http://localhost/v1.41/containers/${id}/archive?path=/tmp`, {
        unix: engine().socket,
        method: "PUT",
        body: new Uint8Array(archive),
      });
      await response.text();
    }
    expect(trap.state()).toBe(before);
    await docker("rm", id);
    rmSync(build, { recursive: true });
    trap.remove();
  });

  test("decompressors inside the container are never run (CVE-2026-41567)", async () => {
    const fake = "#!/bin/sh\ntouch /pwned\ncat\n";
    const tar = await busyboxRootTar({
      "usr/bin/xz": fake,
      "usr/bin/gzip": fake,
      "usr/bin/unpigz": fake,
      "usr/bin/zstd": fake,
      "usr/bin/bzip2": fake,
      "usr/bin/pigz": fake,
    });
    await docker("tag", IMAGE, "attack:base");
    const imported = await dockerResult(["import", "-", "attack:helpers"], { stdin: tar });
    expect(imported.code).toBe(0);
    const id = await docker("run", "-d", "attack:helpers", "sleep", "100");
    await docker("exec", id, "sh", "-c", "chmod +x /usr/bin/*");
    const plain = Bun.spawnSync(["tar", "-C", "/etc", "-cf", "-", "hostname"]).stdout;
    for (const archive of [
      Bun.gzipSync(new Uint8Array(plain)),
      Bun.zstdCompressSync(new Uint8Array(plain)),
      ...["xz", "bzip2"]
        .filter((program) => Bun.which(program) !== null)
        .map((program) => Bun.spawnSync([program, "-c"], { stdin: plain }).stdout),
    ]) {
      const response = await fetch(`http://localhost/v1.41/containers/${id}/archive?path=/tmp`, {
        unix: engine().socket,
        method: "PUT",
        body: new Uint8Array(archive),
      });
      await response.text();
    }
    expect((await dockerResult(["exec", id, "test", "-e", "/pwned"])).code).toBe(1);
    await docker("rm", "-f", id);
    await docker("rmi", "attack:helpers", "attack:base");
  });
});

describe("cp, once more", () => {
  test("no code of the container's is loaded into the engine, or run by it (CVE-2019-14271)", async () => {
    const poison = "\x7fELF poison";
    const names = ["libnss_files.so.2", "libnss_dns.so.2", "libc.so.6", "libnftables.so.1"];
    const files = Object.fromEntries(
      names.flatMap((name) =>
        [`lib/${name}`, `lib/x86_64-linux-gnu/${name}`, `usr/lib/${name}`].map((path) => [path, poison]),
      ),
    );
    const tar = await busyboxRootTar({
      ...files,
      "etc/nsswitch.conf": "passwd: files dns\ngroup: files dns\n",
    });
    expect((await dockerResult(["import", "-", "attack:nss"], { stdin: tar })).code).toBe(0);
    const processesBefore = childrenOf(engine().pid).length;
    for (const id of [
      await docker("run", "-d", "attack:nss", "sleep", "100"),
      await docker("create", "attack:nss", "true"),
    ]) {
      expect((await dockerResult(["cp", `${id}:/etc/passwd`, "-"])).code).toBe(0);
      const archive = Bun.spawnSync(["tar", "-C", "/etc", "-cf", "-", "hostname"]).stdout;
      expect(
        (await dockerResult(["cp", "-a", "-", `${id}:/www`], { stdin: new Uint8Array(archive) })).code,
      ).toBe(0);
      await docker("rm", "-f", id);
    }
    const mapped = readFileSync(`/proc/${engine().pid}/maps`, "utf8");
    expect(mapped.split("\n").filter((line) => line.includes(engine().root) && /r-x/.test(line))).toEqual([]);
    expect(childrenOf(engine().pid).length).toBe(processesBefore);
    await docker("rmi", "attack:nss");
  });

  test("a volume in a volume, where another container puts a link in the way (CVE-2026-42306, GHSA-vp62)", async () => {
    const trap = canary();
    const before = trap.state();
    const swap = `cd /v; while :; do rm -rf in; ln -s ${trap.path} in; rm -f in; ln -s ../../../../../..${trap.path} in; rm -f in; mkdir in; done`;
    const swapper = await docker("run", "-d", "-v", "outer:/v", IMAGE, "sh", "-c", swap);
    const id = await docker("create", "-v", "outer:/v", "-v", "inner:/v/in/deep/er", IMAGE, "true");
    const archive = new Uint8Array(Bun.spawnSync(["tar", "-C", "/etc", "-cf", "-", "hostname"]).stdout);
    for (let round = 0; round < 60; round++) {
      const put = await fetch(`http://d/containers/${id}/archive?path=/v/in/deep/er`, {
        unix: engine().socket,
        method: "PUT",
        body: archive,
      });
      await put.text();
      await (await engine().api("HEAD", `/containers/${id}/archive?path=/v/in/deep`)).text();
      expect(readFileSync(`/proc/${engine().pid}/mountinfo`, "utf8")).not.toContain(trap.path);
    }
    expect(trap.state()).toBe(before);
    await docker("rm", "-f", swapper, id);
    await docker("volume", "rm", "outer", "inner");
    trap.remove();
  });

  test("of a whole running container: its files, and nothing that the kernel shows in it", async () => {
    const id = await docker("run", "-d", "--tmpfs", "/scratch", IMAGE, "sleep", "100");
    const { code, stdout } = await dockerResult(["cp", `${id}:/`, "-"]);
    expect(code).toBe(0);
    const names = Bun.spawnSync(["tar", "-tf", "-"], { stdin: Buffer.from(stdout, "latin1") });
    expect(names.stdout.toString()).toMatch(/^\/?bin\/busybox$/m);
    expect(names.stdout.toString()).not.toMatch(/^\/?(proc|sys|dev)\/./m);
    await docker("rm", "-f", id);
  });
});

describe("runtime", () => {
  test("a working directory that is a leaked descriptor is refused (CVE-2024-21626)", async () => {
    for (let descriptor = 3; descriptor < 12; descriptor++) {
      const path = `/proc/self/fd/${descriptor}`;
      expect((await dockerResult(["run", "--rm", "-w", path, IMAGE, "ls", "../../../.."])).code).not.toBe(0);
    }
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    expect((await dockerResult(["exec", "-w", "/proc/self/fd/7", id, "ls"])).code).not.toBe(0);
    await docker("rm", "-f", id);
  });

  test("a container sees only its three standard descriptors", async () => {
    // The shell's own listing opens one more, for the directory that it reads.
    expect(await docker("run", "--rm", IMAGE, "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '")).toBe(
      "0 1 2 3 ",
    );
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    expect(await docker("exec", id, "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '")).toBe("0 1 2 3 ");
    await docker("rm", "-f", id);
  });

  test("the inheritable capabilities are empty, in exec too (CVE-2022-24769)", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    expect(await docker("exec", id, "grep", "CapInh", "/proc/self/status")).toBe("CapInh:\t0000000000000000");
    await docker("rm", "-f", id);
  });

  test("no abstract socket is open to a container on the host's network (CVE-2020-15257)", async () => {
    const sockets = await docker("run", "--rm", "--network", "host", IMAGE, "sh", "-c", "cat /proc/net/unix");
    expect(sockets.split("\n").filter((line) => /@.*(berth|conmon|runc|containerd)/.test(line))).toEqual([]);
  });

  test("side channels are masked", async () => {
    const masked =
      "for f in kcore keys interrupts timer_list sched_debug latency_stats; do [ -e /proc/$f ] && head -c1 /proc/$f; done; ls /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v ':$'; true";
    expect((await docker("run", "--rm", IMAGE, "sh", "-c", masked)).trim()).toBe("");
  });
});

describe("users", () => {
  test("a number that does not fit, or a name that is a number, never becomes root (CVE-2024-40635)", async () => {
    for (const user of ["2147483648", "4294967296", "65536:4294967296", "-1", "0x0"]) {
      const result = await dockerResult(["run", "--rm", "-u", user, IMAGE, "id", "-u"]);
      expect({ user, failed: result.code !== 0, root: result.stdout === "0\n" }).toEqual({
        user,
        failed: true,
        root: false,
      });
    }
  });

  test("supplementary groups are the user's own (CVE-2022-36109)", async () => {
    expect(await docker("run", "--rm", "-u", "33:33", IMAGE, "id", "-G")).toBe("33");
  });
});

describe("the engine's own files", () => {
  test("no other user of the host can look into them (CVE-2021-41091)", () => {
    const mode = (path: string) => (statSync(join(engine().root, "data", path)).mode & 0o777).toString(8);
    expect(mode(".")).toBe("710");
    expect(mode("containers")).toBe("700");
    expect(mode("snapshots")).toBe("700");
  });
});

describe("output", () => {
  test("an exec that never stops printing to nobody costs the daemon nothing (CVE-2022-31030)", async () => {
    const resident = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine().pid}/status`, "utf8"))?.[1]);
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const before = resident();
    const deaf = Bun.spawn(["sh", "-c", `docker exec ${id} yes | sleep 5`], {
      env: { ...process.env, DOCKER_HOST: engine().host },
      stdout: "ignore",
      stderr: "ignore",
    });
    await deaf.exited;
    expect(resident() - before).toBeLessThan(48 * 1024);
    await docker("rm", "-f", id);
  });
});
