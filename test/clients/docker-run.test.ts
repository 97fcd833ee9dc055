// The options of `docker run` that concern one container, seen from inside it, driven by the real client.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect, eventually } = useEngine();

/** `docker run --rm` with options, then a shell script: what the script printed. */
const inside = (options: string[], script: string) =>
  docker("run", "--rm", ...options, IMAGE, "sh", "-c", script);

describe("process", () => {
  test("exit codes are the command's, 127 for a missing one, 126 for one that can't be run", async () => {
    const code = async (...command: string[]) =>
      (await dockerResult(["run", "--rm", IMAGE, ...command])).code;
    expect(await code("true")).toBe(0);
    expect(await code("sh", "-c", "exit 42")).toBe(42);
    expect(await code("no-such-command")).toBe(127);
    expect(await code("/etc")).toBe(126);
    expect(await code("sh", "-c", "sh -c 'kill -9 $$'; exit $?")).toBe(137);
  });

  test("a wrong option of the engine is exit code 125", async () => {
    const result = await dockerResult(["run", "--rm", "--network", "no-such-network", IMAGE, "true"]);
    expect(result.code).toBe(125);
    expect(result.stderr).toContain("network no-such-network not found");
  });

  test("entrypoint, arguments, environment and working directory", async () => {
    expect(await docker("run", "--rm", "--entrypoint", "echo", IMAGE, "a", "b")).toBe("a b");
    expect(await inside(["-e", "A=1", "-e", "B=two words"], "echo $A $B")).toBe("1 two words");
    expect(await inside(["-w", "/made/for/it"], "pwd")).toBe("/made/for/it");
    expect(await inside([], "echo $PATH")).toBe(
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
  });

  test("env-file", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-env-"));
    writeFileSync(join(directory, "env"), "# comment\nFROM_FILE=yes it is\n");
    expect(await inside(["--env-file", join(directory, "env")], "echo $FROM_FILE")).toBe("yes it is");
    rmSync(directory, { recursive: true });
  });

  test("users by name, number and group, and supplementary groups", async () => {
    const ids = "echo $(id -u):$(id -g):$(id -G)";
    expect(await inside([], ids)).toBe("0:0:0 10");
    expect(await inside(["-u", "www-data"], ids)).toBe("33:33:33");
    expect(await inside(["-u", "1000"], ids)).toBe("1000:0:0");
    expect(await inside(["-u", "1000:www-data"], ids)).toBe("1000:33:33");
    expect(await inside(["-u", "33:5", "--group-add", "10"], ids)).toBe("33:5:5 10");
    const unknown = await dockerResult(["run", "--rm", "-u", "stranger", IMAGE, "true"]);
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain("unable to find user stranger: no matching entries in passwd file");
  });

  test("hostname, domainname and the files that name the container", async () => {
    expect(await inside(["-h", "box"], "hostname; cat /etc/hostname")).toBe("box\nbox");
    expect(await inside(["-h", "box", "--network", "none"], "grep -c box /etc/hosts || true")).toMatch(
      /^[01]$/,
    );
    expect(await inside(["--add-host", "db:10.1.2.3"], "grep db /etc/hosts")).toMatch(/^10\.1\.2\.3\s+db$/);
    const resolver = await inside(
      ["--dns", "192.0.2.7", "--dns-search", "example.test"],
      "cat /etc/resolv.conf",
    );
    expect(resolver).toContain("nameserver 192.0.2.7");
    expect(resolver).toContain("search example.test");
  });

  test("--init reaps and forwards signals as process 1", async () => {
    expect(await inside(["--init"], "cat /proc/1/comm")).toMatch(/init|tini/);
  });

  test("stdin travels in, and half-close ends it", async () => {
    const result = await dockerResult(["run", "--rm", "-i", IMAGE, "wc", "-c"], {
      stdin: "x".repeat(1_000_000),
    });
    expect(result).toMatchObject({ code: 0, stdout: "1000000\n" });
  });

  test("-d with --cidfile, and --rm takes the container away", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-cid-"));
    const file = join(directory, "cid");
    const id = await docker("run", "-d", "--rm", "--cidfile", file, IMAGE, "sleep", "0.2");
    expect(readFileSync(file, "utf8")).toBe(id);
    await eventually(async () => (await dockerResult(["inspect", id])).code, 1);
    rmSync(directory, { recursive: true });
  });

  test("labels and platform", async () => {
    const id = await docker("create", "--label", "a=b", "--label", "empty", IMAGE);
    expect(JSON.parse(await inspect(id, "{{json .Config.Labels}}"))).toEqual({ a: "b", empty: "" });
    await docker("rm", id);
  });
});

describe("restart policies", () => {
  test("on-failure tries again as often as it says", async () => {
    const id = await docker("run", "-d", "--restart", "on-failure:2", IMAGE, "sh", "-c", "exit 4");
    await eventually(
      () => inspect(id, "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}"),
      "2 exited 4",
    );
    await docker("rm", id);
  });

  test("always starts again until it is stopped", async () => {
    const id = await docker("run", "-d", "--restart", "always", IMAGE, "sh", "-c", "sleep 0.2");
    await eventually(async () => Number(await inspect(id, "{{.RestartCount}}")) >= 2, true);
    await docker("stop", "-t", "0", id);
    expect(await inspect(id, "{{.State.Running}}")).toBe("false");
    await docker("rm", id);
  });
});

describe("resources", () => {
  test("memory, processes, cpus and shares arrive in the cgroup", async () => {
    const id = await docker(
      "run",
      "-d",
      "--memory",
      "64m",
      "--cpus",
      "0.5",
      "--cpu-shares",
      "512",
      "--pids-limit",
      "50",
      "--cpuset-cpus",
      "0",
      IMAGE,
      "sleep",
      "100",
    );
    const host = JSON.parse(await inspect(id, "{{json .HostConfig}}"));
    expect(host).toMatchObject({
      Memory: 64 << 20,
      NanoCpus: 5e8,
      CpuShares: 512,
      PidsLimit: 50,
      CpusetCpus: "0",
    });
    const script =
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; grep Cpus_allowed_list /proc/self/status";
    expect(await docker("exec", id, "sh", "-c", script)).toBe(`${64 << 20}\nCpus_allowed_list:\t0`);
    await docker("rm", "-f", id);
  });

  test("too much memory ends it with OOMKilled", async () => {
    const id = await docker(
      "run",
      "-d",
      "--memory",
      "16m",
      "--memory-swap",
      "16m",
      IMAGE,
      "sh",
      "-c",
      "x=a; while :; do x=$x$x; done",
    );
    expect(await docker("wait", id)).toBe("137");
    await eventually(() => inspect(id, "{{.State.OOMKilled}}"), "true");
    await docker("rm", id);
  });

  test("memory that runs out is told when it does, each time, and the container goes on", async () => {
    const script =
      "for i in 1 2; do sh -c 'x=a; while :; do x=$x$x; done'; while ! test -e /go; do sleep 0.05; done; done; sleep 100";
    const id = await docker(
      "run",
      "-di",
      "--memory",
      "16m",
      "--memory-swap",
      "16m",
      IMAGE,
      "sh",
      "-c",
      script,
    );
    const told = async () => {
      const until = `${Date.now() / 1000}`;
      const filters = ["--filter", `container=${id}`, "--filter", "event=oom", "--filter", "event=die"];
      return (
        await docker("events", "--since", "0", "--until", until, ...filters, "--format", "{{.Action}}")
      ).split("\n");
    };
    await eventually(told, ["oom"]);
    expect(await inspect(id, "{{.State.Running}}")).toBe("true");
    // Docker 20.10 says so only of the end.
    if (!AGAINST_DOCKER) expect(await inspect(id, "{{.State.OOMKilled}}")).toBe("true");
    await docker("exec", id, "touch", "/go");
    await eventually(told, ["oom", "oom"]);
    await docker("rm", "-f", id);
  });

  test("ulimits, sysctls, shm size and oom score", async () => {
    expect(await inside(["--ulimit", "nofile=123:456"], "ulimit -n; ulimit -Hn")).toBe("123\n456");
    expect(
      await inside(
        ["--sysctl", "net.ipv4.ip_unprivileged_port_start=99"],
        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
      ),
    ).toBe("99");
    expect(await inside(["--shm-size", "8m"], "df -k /dev/shm | tail -1 | awk '{print $2}'")).toBe("8192");
    expect(await inside(["--oom-score-adj", "321"], "cat /proc/self/oom_score_adj")).toBe("321");
  });

  test("devices", async () => {
    expect(
      await inside(["--device", "/dev/null:/dev/hole:rw"], "echo x > /dev/hole && ls -l /dev/hole | cut -c1"),
    ).toBe("c");
    const refused = await dockerResult(["run", "--rm", "--gpus", "all", IMAGE, "true"]);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('could not select device driver "" with capabilities: [[gpu]]');
  });
});

describe("security", () => {
  const capabilities = "grep CapEff /proc/self/status | awk '{print $2}'";

  test("the default capabilities, and how they change", async () => {
    expect(await inside([], capabilities)).toBe("00000000a80425fb");
    expect(await inside(["--cap-drop", "ALL"], capabilities)).toBe("0000000000000000");
    expect(await inside(["--cap-drop", "ALL", "--cap-add", "net_raw"], capabilities)).toBe(
      "0000000000002000",
    );
    expect(await inside(["--cap-add", "SYS_PTRACE"], capabilities)).toBe("00000000a80c25fb");
    expect(await inside([], "grep CapInh /proc/self/status | awk '{print $2}'")).toBe("0000000000000000");
  });

  test("seccomp is on by default, and off when unconfined or privileged", async () => {
    const mode = "grep Seccomp: /proc/self/status | awk '{print $2}'";
    expect(await inside([], mode)).toBe("2");
    expect(await inside(["--security-opt", "seccomp=unconfined"], mode)).toBe("0");
    // dockerd gives privileged containers capabilities that a confined host's root lacks, and fails there.
    if (!AGAINST_DOCKER) expect(await inside(["--privileged"], mode)).toBe("0");
    expect((await dockerResult(["run", "--rm", IMAGE, "unshare", "-m", "true"])).code).not.toBe(0);
  });

  test("no-new-privileges", async () => {
    expect(
      await inside(
        ["--security-opt", "no-new-privileges"],
        "grep NoNewPrivs /proc/self/status | awk '{print $2}'",
      ),
    ).toBe("1");
  });

  test("a read-only root, with a tmpfs to write to", async () => {
    const script = "touch /x 2>/dev/null && echo root; touch /scratch/x && echo tmpfs";
    expect(await inside(["--read-only", "--tmpfs", "/scratch:size=1m"], script)).toBe("tmpfs");
  });

  test("kernel files are masked or read-only", async () => {
    expect(
      await inside([], "wc -c < /proc/keys; touch /proc/sys/kernel/x 2>/dev/null || echo read-only"),
    ).toBe("0\nread-only");
  });
});

describe("namespaces", () => {
  test("--pid host and container", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "7654");
    expect(await inside(["--pid", `container:${id}`], "ps | grep -c '[s]leep 7654'")).toBe("1");
    expect(Number(await inside(["--pid", "host"], "ls -d /proc/[0-9]* | wc -l"))).toBeGreaterThan(5);
    await docker("rm", "-f", id);
  });

  test("--ipc, --uts and --network of another container or the host", async () => {
    const id = await docker("run", "-d", "--ipc", "shareable", "-h", "owner", IMAGE, "sleep", "100");
    await docker("exec", id, "sh", "-c", "echo shared > /dev/shm/x");
    expect(await inside(["--ipc", `container:${id}`], "cat /dev/shm/x")).toBe("shared");
    const address = await inspect(id, "{{.NetworkSettings.Networks.bridge.IPAddress}}");
    expect(
      await inside(["--network", `container:${id}`], "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'"),
    ).toBe(`inet ${address}`);
    expect(await inside(["--uts", "host"], "hostname")).not.toBe("");
    expect(await inside(["--network", "none"], "ls /sys/class/net")).toBe("lo");
    await docker("rm", "-f", id);
  });
});

describe("mounts", () => {
  test("bind mounts, read-only and with --mount", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-bind-"));
    writeFileSync(join(directory, "file"), "from the host");
    expect(await inside(["-v", `${directory}:/data`], "cat /data/file; echo changed > /data/file")).toBe(
      "from the host",
    );
    expect(readFileSync(join(directory, "file"), "utf8")).toBe("changed\n");
    const readOnly = await dockerResult([
      "run",
      "--rm",
      "-v",
      `${directory}:/data:ro`,
      IMAGE,
      "touch",
      "/data/x",
    ]);
    expect(readOnly.stderr).toContain("Read-only file system");
    expect(
      await inside(["--mount", `type=bind,source=${directory},target=/data,readonly`], "cat /data/file"),
    ).toBe("changed");
    const missing = await dockerResult([
      "run",
      "--rm",
      "--mount",
      `type=bind,source=${directory}/none,target=/data`,
      IMAGE,
      "true",
    ]);
    expect(missing.code).toBe(125);
    expect(missing.stderr).toContain("bind source path does not exist");
    rmSync(directory, { recursive: true });
  });

  test("named volumes outlive containers, anonymous ones go with --rm", async () => {
    expect(await inside(["-v", "run-data:/data"], "echo kept > /data/x")).toBe("");
    expect(await inside(["-v", "run-data:/data"], "cat /data/x")).toBe("kept");
    const before = await docker("volume", "ls", "-q");
    await inside(["-v", "/anonymous"], "true");
    expect(await docker("volume", "ls", "-q")).toBe(before);
    await docker("volume", "rm", "run-data");
  });

  test("the image's files are copied into a new volume, with their owners", async () => {
    expect(await inside(["-v", "run-copy:/etc"], "grep -c root /etc/passwd")).toBe("1");
    await docker("volume", "rm", "run-copy");
  });

  test("tmpfs with options, and volumes-from", async () => {
    expect(
      await inside(
        ["--mount", "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700"],
        "df -k /t | tail -1 | awk '{print $2}'; stat -c %a /t",
      ),
    ).toBe("1024\n700");
    const id = await docker("create", "-v", "/shared", IMAGE);
    await docker("run", "--rm", "--volumes-from", id, IMAGE, "sh", "-c", "echo 1 > /shared/one");
    expect(
      await inside(["--volumes-from", `${id}:ro`], "cat /shared/one; touch /shared/x 2>/dev/null || echo ro"),
    ).toBe("1\nro");
    await docker("rm", "-v", id);
  });
});

describe("the default bridge", () => {
  test("an address, a gateway, and the way to a neighbour", async () => {
    const id = await docker(
      "run",
      "-d",
      IMAGE,
      "sh",
      "-c",
      "echo hello > /www/index.html; exec httpd -f -h /www -p 80",
    );
    const address = await inspect(id, "{{.NetworkSettings.Networks.bridge.IPAddress}}");
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(
      await inside(
        [],
        `for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://${address}/ && break; sleep 0.1; done`,
      ),
    ).toBe("hello");
    await docker("rm", "-f", id);
  });

  // Docker 20.10 does not know this client's way to ask for it.
  test.skipIf(AGAINST_DOCKER)("--mac-address", async () => {
    expect(await inside(["--mac-address", "02:42:c0:ff:ee:01"], "cat /sys/class/net/eth0/address")).toBe(
      "02:42:c0:ff:ee:01",
    );
  });

  test("port shows what is published", async () => {
    const id = await docker("run", "-d", "-p", "127.0.0.1::80", "-p", "0:8080/udp", IMAGE, "sleep", "100");
    expect(await docker("port", id, "80/tcp")).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await docker("port", id)).toContain("8080/udp -> 0.0.0.0:");
    await docker("rm", "-f", id);
  });
});

describe("health checks", () => {
  test("a container becomes healthy, then unhealthy", async () => {
    const id = await docker(
      "run",
      "-d",
      "--health-cmd",
      "test -e /ok",
      "--health-interval",
      "200ms",
      "--health-retries",
      "2",
      "--health-timeout",
      "5s",
      IMAGE,
      "sh",
      "-c",
      "touch /ok; sleep 100",
    );
    await eventually(() => inspect(id, "{{.State.Health.Status}}"), "healthy");
    await docker("exec", id, "rm", "/ok");
    await eventually(() => inspect(id, "{{.State.Health.Status}}"), "unhealthy");
    expect(await docker("ps", "--filter", "health=unhealthy", "-q", "--no-trunc")).toBe(id);
    await docker("rm", "-f", id);
  });
});
