// Our own client, command by command: what a user notices, and that Docker's client would have said the same.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGAINST_DOCKER, type CommandOptions, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, eventually } = useEngine();

async function berth(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result, `berth ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

/** Runs the same on both clients and expects the same exit code and output; gives ours. */
async function same(args: string[], options?: CommandOptions) {
  const ours = await engine().berth(args, options);
  const theirs = await engine().docker(args, options);
  expect({ args, code: ours.code, stdout: ours.stdout }).toEqual({
    args,
    code: theirs.code,
    stdout: theirs.stdout,
  });
  return ours;
}

const state = (container: string) => berth("inspect", "-f", "{{.State.Status}}", container);
const sleeper = (...options: string[]) => berth("run", "-d", ...options, IMAGE, "sleep", "1000");
const FOREVER = "while :; do sleep 0.05; done";

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "berth-client-"));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.skipIf(AGAINST_DOCKER)("run and create", () => {
  test("run passes on output, input and exit code", async () => {
    const script = "echo out; echo err >&2; exit 9";
    const result = await same(["run", "--rm", IMAGE, "sh", "-c", script]);
    expect(result).toEqual({ code: 9, stdout: "out\n", stderr: "err\n" });
    await same(["run", "--rm", "-i", IMAGE, "wc", "-c"], { stdin: "x".repeat(300_000) });
    expect((await same(["run", "--rm", IMAGE, "no-such-command"])).code).toBe(127);
    expect((await same(["run", "--rm", IMAGE, "/etc"])).code).toBe(126);
    expect((await same(["run", "--rm", "--memory", "1", IMAGE, "true"])).code).toBe(125);
  });

  test("options arrive in the container", async () => {
    const options = ["-e", "A=1", "-w/tmp", "--user=0:33", "-h", "box", "--tmpfs", "/scratch", "--read-only"];
    const script = "echo $A $(pwd) $(id -u):$(id -g) $(hostname); grep -c /scratch /proc/mounts; touch /x";
    const result = await same(["run", "--rm", ...options, IMAGE, "sh", "-c", script]);
    expect(result.stdout).toBe("1 /tmp 0:33 box\n1\n");
    expect(result.code).not.toBe(0);
  });

  test("create prints the id, and start, wait and rm go on from there", async () => {
    const id = await berth("create", "--name", "step", IMAGE, "sh", "-c", "echo said; exit 4");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await state(id)).toBe("created");
    expect(await engine().berth(["start", "-a", "step"])).toMatchObject({ code: 4, stdout: "said\n" });
    expect((await same(["wait", "step"])).stdout).toBe("4\n");
    expect((await same(["logs", "step"])).stdout).toBe("said\n");
    expect(await berth("rm", "step")).toBe("step");
    expect((await same(["inspect", "step"])).code).toBe(1);
  });
});

describe.skipIf(AGAINST_DOCKER)("the life of a container", () => {
  test("stop, start, restart, kill, pause and unpause print the name and do what they say", async () => {
    await berth(
      "run",
      "-d",
      "--name",
      "lively",
      IMAGE,
      "sh",
      "-c",
      `trap 'exit 3' TERM; echo up; ${FOREVER}`,
    );
    await eventually(() => berth("logs", "lively"), "up");
    expect(await berth("stop", "lively")).toBe("lively");
    expect(await berth("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "lively")).toBe("exited 3");
    expect(await berth("start", "lively")).toBe("lively");
    const first = await berth("inspect", "-f", "{{.State.Pid}}", "lively");
    expect(await berth("restart", "-t", "0", "lively")).toBe("lively");
    expect(await berth("inspect", "-f", "{{.State.Pid}}", "lively")).not.toBe(first);
    expect(await berth("pause", "lively")).toBe("lively");
    expect(await state("lively")).toBe("paused");
    expect((await same(["exec", "lively", "true"])).code).toBe(1);
    expect(await berth("unpause", "lively")).toBe("lively");
    expect(await berth("kill", "-s", "KILL", "lively")).toBe("lively");
    expect(await berth("wait", "lively")).toBe("137");
    expect((await same(["kill", "lively"])).code).toBe(1);
    await berth("rm", "lively");
  });

  test("rename, update and ps show the change", async () => {
    await sleeper("--name", "before", "--memory", "64m", "--memory-swap", "-1", "-l", "of=update");
    await berth("rename", "before", "after");
    await berth("update", "--restart", "on-failure:3", "after");
    expect(await berth("inspect", "-f", "{{json .HostConfig.RestartPolicy}}", "after")).toBe(
      '{"Name":"on-failure","MaximumRetryCount":3}',
    );
    const listed = await same([
      "ps",
      "-a",
      "--filter",
      "label=of=update",
      "--format",
      "{{.Names}} {{.State}}",
    ]);
    expect(listed.stdout).toBe("after running\n");
    expect((await same(["rm", "after"])).code).toBe(1);
    await berth("rm", "-f", "after");
    expect((await same(["ps", "-aq", "--filter", "label=of=update"])).stdout).toBe("");
  });

  test("container prune takes what is stopped, and only what the filter names", async () => {
    const gone = await berth("create", "-l", "prune=yes", IMAGE);
    const kept = await berth("create", "-l", "prune=no", IMAGE);
    expect(await berth("container", "prune", "-f", "--filter", "label=prune=yes")).toContain(gone);
    expect((await engine().berth(["inspect", gone])).code).toBe(1);
    expect(await state(kept)).toBe("created");
    await berth("rm", kept);
  });
});

describe.skipIf(AGAINST_DOCKER)("looking at a container", () => {
  test("inspect, top, port and stats", async () => {
    const id = await sleeper("-p", "127.0.0.1::80", "-p", "127.0.0.1::53/udp", "--memory", "64m");
    await same(["inspect", id]);
    await same(["inspect", "--type", "container", "-f", "{{json .Config.Cmd}}{{len .Mounts}}", id]);
    expect(await berth("top", id)).toContain("sleep 1000");
    expect((await same(["top", id, "-o", "pid,args"])).stdout).toContain("sleep 1000");
    expect((await same(["port", id])).stdout).toMatch(
      /^53\/udp -> 127\.0\.0\.1:\d+\n80\/tcp -> 127\.0\.0\.1:\d+\n$/,
    );
    await same(["port", id, "80"]);
    expect((await same(["port", id, "81"])).code).toBe(1);
    await same(["stats", "--no-stream", "--format", "{{.ID}} {{.Name}} {{.PIDs}}", id]);
    expect(await berth("stats", "--no-stream", "--format", "{{.MemUsage}}", id)).toMatch(/ \/ 64MiB$/);
    await berth("rm", "-f", id);
  });

  test("inspect prints a part as JSON as Docker's client does, with what is not set left out", async () => {
    const bare = await berth("create", IMAGE);
    const full = await berth(
      "create",
      "-p",
      "80",
      "-l",
      "a=b",
      "--health-cmd",
      "true",
      "-v",
      "/data",
      IMAGE,
      "true",
    );
    for (const id of [bare, full]) {
      for (const part of [
        "Config",
        "HostConfig",
        "State",
        "Mounts",
        "Config.Healthcheck",
        "NetworkSettings.Networks",
      ]) {
        await same(["inspect", "-f", `{{json .${part}}}`, id]);
      }
      await same([
        "inspect",
        "-f",
        "{{.Config.StopSignal}}|{{.Config.Shell}}|{{.Config.OnBuild}}|{{.Config.StopTimeout}}|{{.HostConfig.Init}}|{{.Config.NetworkDisabled}}",
        id,
      ]);
    }
    await berth("rm", bare, full);
  });

  test("logs: tail, time stamps, following to the end", async () => {
    const id = await berth(
      "run",
      "-d",
      IMAGE,
      "sh",
      "-c",
      "for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2",
    );
    expect((await engine().berth(["logs", "-f", id])).stdout).toBe("1\n2\n3\n");
    expect(await same(["logs", "--tail", "2", id])).toMatchObject({ stdout: "3\n", stderr: "e\n" });
    expect((await same(["logs", "-t", id])).stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+Z 1\n/);
    await berth("rm", id);
  });

  test("events tell what happened", async () => {
    const id = await berth("run", "-d", "-l", "told=1", IMAGE, "sh", "-c", "exit 5");
    await berth("wait", id);
    await berth("rm", id);
    const until = `${Math.ceil(Date.now() / 1000)}`;
    const told = () =>
      same([
        "events",
        "--since",
        "0",
        "--until",
        until,
        "--filter",
        `container=${id}`,
        "--filter",
        "type=container",
        "--format",
        "{{.Action}} {{.Actor.Attributes.exitCode}}",
      ]);
    await eventually(
      async () => (await told()).stdout.split("\n").map((line) => line.split(" ")[0]),
      ["create", "start", "die", "destroy", ""],
    );
    expect((await told()).stdout).toContain("die 5\n");
  });

  test("info and version", async () => {
    for (const field of [
      "{{.ContainersRunning}}",
      "{{.DriverStatus}}",
      "{{.ID}} {{.NCPU}}",
      "{{json .Plugins.Log}}",
    ]) {
      await same(["info", "--format", field]);
    }
    await same(["version", "--format", "{{.Server.APIVersion}} {{.Server.Os}}/{{.Server.Arch}}"]);
    expect(await berth("version")).toContain("Server:");
  });
});

describe.skipIf(AGAINST_DOCKER)("into and out of a container", () => {
  test("exec: output, exit code, environment, user and input", async () => {
    const id = await sleeper();
    const options = ["-e", "B=2", "-u", "www-data", "-w", "/www"];
    const result = await same(["exec", ...options, id, "sh", "-c", "echo $B $(id -u) $(pwd); exit 7"]);
    expect(result).toMatchObject({ code: 7, stdout: "2 33 /www\n" });
    expect((await same(["exec", "-i", id, "cat"], { stdin: "through" })).stdout).toBe("through");
    expect((await same(["exec", id, "no-such-command"])).code).toBe(127);
    await berth("exec", "-d", id, "touch", "/made-by-exec");
    await eventually(async () => (await engine().berth(["exec", id, "test", "-e", "/made-by-exec"])).code, 0);
    await berth("rm", "-f", id);
  });

  test("attach carries input in, output out and takes the exit code", async () => {
    const id = await berth("run", "-di", IMAGE, "sh", "-c", "read x; echo got $x; exit 6");
    // The end of the input ends such a session (the container's own stays open): it comes after the answer.
    async function* untilAnswered() {
      yield Buffer.from("a word\n");
      await berth("wait", id);
    }
    const result = await engine().berth(["attach", id], { stdin: untilAnswered() });
    expect(result).toMatchObject({ code: 6, stdout: "got a word\n" });
    await berth("rm", id);
  });

  test("cp goes in and out, as files, folders and archives", async () => {
    await inDirectory(async (directory) => {
      const id = await berth("create", IMAGE);
      writeFileSync(join(directory, "in"), "carried\n");
      await berth("cp", join(directory, "in"), `${id}:/root/file`);
      await berth("cp", `${id}:/root`, join(directory, "out"));
      expect(readFileSync(join(directory, "out", "file"), "utf8")).toBe("carried\n");
      expect((await same(["cp", `${id}:/root/file`, "-"])).stdout).toContain("carried\n");
      expect((await same(["cp", `${id}:/nothing`, directory])).code).toBe(1);
      await berth("rm", id);
    });
  });

  test("diff, export, commit and import", async () => {
    await inDirectory(async (directory) => {
      const id = await berth("run", "-d", IMAGE, "sh", "-c", "echo new >/www/page; rm /etc/group");
      await berth("wait", id);
      expect((await same(["diff", id])).stdout.trim().split("\n").sort()).toEqual([
        "A /www/page",
        "C /etc",
        "C /www",
        "D /etc/group",
      ]);
      const archive = join(directory, "root.tar");
      await berth("export", "-o", archive, id);
      expect(await berth("import", "-c", "CMD cat /www/page", archive, "client-import:1")).toStartWith(
        "sha256:",
      );
      expect(await berth("run", "--rm", "client-import:1")).toBe("new");
      expect(await berth("commit", "-m", "why", "-c", "ENV C=3", id, "client-commit:1")).toStartWith(
        "sha256:",
      );
      expect(await berth("run", "--rm", "client-commit:1", "sh", "-c", "echo $C; cat /www/page")).toBe(
        "3\nnew",
      );
      expect((await same(["history", "--format", "{{.Comment}}", "client-commit:1"])).stdout).toStartWith(
        "why\n",
      );
      await berth("rm", id);
      await berth("rmi", "client-import:1", "client-commit:1");
    });
  });
});

describe.skipIf(AGAINST_DOCKER)("images and volumes", () => {
  test("tag, images, save, rmi and load", async () => {
    await inDirectory(async (directory) => {
      await berth("tag", IMAGE, "client-tag:1");
      expect((await same(["images", "-q", "client-tag:1"])).stdout).toBe(
        `${await berth("images", "-q", IMAGE)}\n`,
      );
      await berth("save", "-o", join(directory, "image.tar"), "client-tag:1");
      expect(await berth("rmi", "client-tag:1")).toBe("Untagged: client-tag:1");
      expect((await same(["image", "inspect", "client-tag:1"])).code).toBe(1);
      expect(await berth("load", "-i", join(directory, "image.tar"))).toBe("Loaded image: client-tag:1");
      expect(await berth("run", "--rm", "client-tag:1", "echo", "loaded")).toBe("loaded");
      await berth("rmi", "client-tag:1");
    });
  });

  test("volumes are made, listed, mounted, kept while used, and removed", async () => {
    expect(await berth("volume", "create", "--label", "x=y", "client-data")).toBe("client-data");
    await berth("run", "--rm", "-v", "client-data:/d", IMAGE, "sh", "-c", "echo kept >/d/file");
    expect(await berth("run", "--rm", "-v", "client-data:/d:ro", IMAGE, "cat", "/d/file")).toBe("kept");
    expect((await same(["volume", "ls", "-q", "--filter", "label=x=y"])).stdout).toBe("client-data\n");
    await same(["volume", "inspect", "client-data"]);
    for (const name of ["client-data", "client-none"]) await same(["volume", "update", name]);
    const id = await berth("create", "-v", "client-data:/d", IMAGE);
    expect((await same(["volume", "rm", "client-data"])).code).toBe(1);
    await berth("rm", id);
    expect(await berth("volume", "rm", "client-data")).toBe("client-data");
    expect((await same(["volume", "inspect", "client-data"])).code).toBe(1);
  });
});

describe.skipIf(AGAINST_DOCKER)("networks", () => {
  test("are made, listed, inspected, refused and removed alike", async () => {
    const subnet = ["--subnet", "10.99.0.0/24", "--label", "x=y"];
    await berth("network", "create", "--ipv6", ...subnet, "client-net");
    const id = await berth("run", "-d", "--network", "client-net", IMAGE, "sleep", "1000");
    await same(["network", "ls", "--filter", "label=x=y"]);
    await same(["network", "ls", "--format", '{{.ID}} {{.Name}} {{.IPv6}} {{.Label "x"}} {{.CreatedAt}}']);
    await same(["network", "inspect", "--verbose", "client-net"]);
    const refused = [
      ["inspect", "client-none"],
      ["create", "client-net"],
      ["create", "--gateway", "10.1.0.1", "client-bad"],
      ["create", "--subnet", "10.1.0.0/24", "--gateway", "10.2.0.1", "client-bad"],
      ["create", "--subnet", "10.1.0.0/24", "--subnet", "10.1.0.0/25", "client-bad"],
      ["create", "--config-only", "--internal", "client-bad"],
      ["create", "--config-from", "client-none", "client-bad"],
      ["create", "--scope", "swarm", "client-bad"],
      ["create", "--ingress", "client-bad"],
      ["connect", "client-net", id],
      ["connect", "--ip", "10.1.1.1", "client-net", id],
      ["disconnect", "bridge", id],
      ["disconnect", "-f", "client-net", "client-none"],
      ["prune", "-f", "--filter", "colour=red"],
    ];
    for (const args of refused) expect((await same(["network", ...args])).code, args.join(" ")).toBe(1);
    await berth("rm", "-f", id);
    expect(await berth("network", "rm", "client-net")).toBe("client-net");
  });
});
