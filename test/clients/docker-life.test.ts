// The life of a container, driven by the real docker client.
import { describe, expect, test } from "bun:test";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect } = useEngine();

describe("create and start", () => {
  test("create prints an id, start prints the name, wait the exit code", async () => {
    const id = await docker("create", "--name", "life-exit7", IMAGE, "sh", "-c", "exit 7");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await inspect("life-exit7", "{{.State.Status}}")).toBe("created");
    expect(await docker("start", "life-exit7")).toBe("life-exit7");
    expect(await docker("wait", "life-exit7")).toBe("7");
    expect(await inspect("life-exit7", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 7");
    await docker("rm", "life-exit7");
  });

  test("start -a attaches and takes over the exit code", async () => {
    await docker("create", "--name", "life-attach", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 3");
    const result = await dockerResult(["start", "-a", "life-attach"]);
    expect(result).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
    await docker("rm", "life-attach");
  });

  test("a name that is taken is refused with the id of its owner", async () => {
    const id = await docker("create", "--name", "life-taken", IMAGE, "true");
    const second = await dockerResult(["create", "--name", "life-taken", IMAGE, "true"]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(
      `Conflict. The container name "/life-taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    await docker("rm", "life-taken");
  });

  test("an image that does not exist is refused", async () => {
    const result = await dockerResult(["create", "--pull", "never", "nothing:here", "true"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("No such image: nothing:here");
  });

  test("a started container can be restarted, stopped twice and started again", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "life-again",
      IMAGE,
      "sh",
      "-c",
      "trap 'exit 0' TERM; while :; do sleep 0.05; done",
    );
    const first = await inspect("life-again", "{{.State.Pid}}");
    await docker("restart", "life-again");
    expect(await inspect("life-again", "{{.State.Pid}}")).not.toBe(first);
    await docker("stop", "life-again");
    await docker("stop", "life-again");
    expect(await inspect("life-again", "{{.State.Running}} {{.State.ExitCode}}")).toBe("false 0");
    await docker("start", "life-again");
    expect(await inspect("life-again", "{{.State.Running}}")).toBe("true");
    await docker("rm", "-f", "life-again");
  });
});

describe("stop and kill", () => {
  test("stop sends the stop signal, and kills after the grace period", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "life-deaf",
      IMAGE,
      "sh",
      "-c",
      "trap '' TERM; while :; do sleep 0.05; done",
    );
    await docker("stop", "-t", "1", "life-deaf");
    expect(await inspect("life-deaf", "{{.State.ExitCode}}")).toBe("137");
    await docker("rm", "life-deaf");
  });

  test("--stop-signal chooses the signal", async () => {
    const script = "trap 'echo got usr1; exit 5' USR1; while :; do sleep 0.05; done";
    await docker("run", "-d", "--name", "life-usr1", "--stop-signal", "SIGUSR1", IMAGE, "sh", "-c", script);
    await Bun.sleep(200);
    await docker("stop", "life-usr1");
    expect(await docker("logs", "life-usr1")).toBe("got usr1");
    expect(await inspect("life-usr1", "{{.State.ExitCode}}")).toBe("5");
    await docker("rm", "life-usr1");
  });

  test("kill of a stopped container is a conflict", async () => {
    await docker("create", "--name", "life-cold", IMAGE, "true");
    const result = await dockerResult(["kill", "life-cold"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("is not running");
    await docker("rm", "life-cold");
  });

  test("kill -s sends any signal, and an invalid one is refused", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "life-hup",
      IMAGE,
      "sh",
      "-c",
      "trap 'exit 9' HUP; while :; do sleep 0.05; done",
    );
    await Bun.sleep(200);
    const invalid = await dockerResult(["kill", "-s", "NOPE", "life-hup"]);
    expect(invalid.stderr).toContain("Invalid signal: NOPE");
    await docker("kill", "-s", "HUP", "life-hup");
    expect(await docker("wait", "life-hup")).toBe("9");
    await docker("rm", "life-hup");
  });
});

describe("pause and unpause", () => {
  test("a paused container stands still", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "life-pause",
      IMAGE,
      "sh",
      "-c",
      "while :; do date +%s%N > /now; sleep 0.05; done",
    );
    await docker("pause", "life-pause");
    expect(await inspect("life-pause", "{{.State.Status}}")).toBe("paused");
    const refused = await dockerResult(["exec", "life-pause", "true"]);
    expect(refused.stderr).toContain("is paused");
    await docker("unpause", "life-pause");
    expect(await inspect("life-pause", "{{.State.Status}}")).toBe("running");
    await docker("rm", "-f", "life-pause");
  });
});

describe("rename, update, rm", () => {
  test("rename moves the name", async () => {
    const id = await docker("create", "--name", "life-old", IMAGE, "true");
    await docker("rename", "life-old", "life-new");
    expect(await inspect("life-new", "{{.Id}}")).toBe(id);
    expect((await dockerResult(["inspect", "life-old"])).code).toBe(1);
    await docker("rm", "life-new");
  });

  test("update changes limits of a running container", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "life-update",
      "--memory",
      "64m",
      "--memory-swap",
      "-1",
      IMAGE,
      "sleep",
      "100",
    );
    await docker(
      "update",
      "--memory",
      "96m",
      "--memory-swap",
      "-1",
      "--restart",
      "on-failure:2",
      "life-update",
    );
    const shown = await inspect("life-update", "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}");
    expect(shown).toBe(`${96 * 1024 * 1024} on-failure`);
    await docker("rm", "-f", "life-update");
  });

  test.each([
    { had: [], asked: ["-m", "50m"], refused: true, shows: "0 0" },
    { had: [], asked: ["-m", "50m", "--memory-swap", "100m"], shows: "50 100" },
    { had: ["-m", "64m"], asked: ["-m", "100m"], shows: "100 128" },
    { had: ["-m", "64m"], asked: ["-m", "200m"], refused: true, shows: "64 128" },
    { had: ["-m", "64m"], asked: ["--memory-swap", "200m"], shows: "64 200" },
    { had: ["-m", "64m", "--memory-swap", "-1"], asked: ["-m", "50m"], refused: true, shows: "64 -1" },
    {
      had: ["-m", "64m", "--memory-swap", "-1"],
      asked: ["-m", "50m", "--memory-swap", "-1"],
      shows: "50 -1",
    },
  ])("update $asked of a container with $had", async ({ had, asked, refused, shows }) => {
    for (const state of [["create"], ["run", "-d"]]) {
      const id = await docker(...state, ...had, IMAGE, "sleep", "100");
      const result = await dockerResult(["update", ...asked, id]);
      expect(result.code).toBe(refused ? 1 : 0);
      expect(result.stderr).toBe(
        refused
          ? `Error response from daemon: Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time\n`
          : "",
      );
      const [memory, swap] = (await inspect(id, "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}")).split(
        " ",
      );
      const megabytes = (text = "") => (text === "-1" ? text : `${Number(text) / (1 << 20)}`);
      expect(`${megabytes(memory)} ${megabytes(swap)}`).toBe(shows);
      await docker("rm", "-f", id);
    }
  });

  test("rm refuses a running container without -f", async () => {
    const id = await docker("run", "-d", "--name", "life-run", IMAGE, "sleep", "100");
    const refused = await dockerResult(["rm", "life-run"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cannot remove.*container|You cannot remove a running container/);
    await docker("rm", "-f", "life-run");
    expect((await dockerResult(["inspect", id])).code).toBe(1);
  });

  test("container prune removes what is stopped and nothing else", async () => {
    await docker("run", "-d", "--name", "life-keeps", IMAGE, "sleep", "100");
    const stopped = await docker("create", "--name", "life-goes", IMAGE, "true");
    expect(await docker("container", "prune", "-f")).toContain(stopped);
    expect(await docker("ps", "-aq", "--filter", "name=life-keeps")).not.toBe("");
    expect(await docker("ps", "-aq", "--filter", "name=life-goes")).toBe("");
    await docker("rm", "-f", "life-keeps");
  });
});

describe("ps and inspect", () => {
  test("ps lists what runs, -a everything, with filters and formats", async () => {
    await docker("run", "-d", "--name", "life-ps1", "--label", "tier=web", IMAGE, "sleep", "100");
    await docker("create", "--name", "life-ps2", "--label", "tier=db", IMAGE, "true");
    expect((await docker("ps", "--format", "{{.Names}}")).split("\n")).toContain("life-ps1");
    expect((await docker("ps", "--format", "{{.Names}}")).split("\n")).not.toContain("life-ps2");
    expect(await docker("ps", "-a", "--filter", "label=tier=db", "--format", "{{.Names}} {{.State}}")).toBe(
      "life-ps2 created",
    );
    expect(
      await docker(
        "ps",
        "-a",
        "--filter",
        "status=running",
        "--filter",
        "name=life-ps",
        "--format",
        "{{.Names}}",
      ),
    ).toBe("life-ps1");
    expect(
      await docker("ps", "--filter", "name=life-ps1", "--format", "{{.Image}} {{.Command}} {{.Status}}"),
    ).toMatch(new RegExp(`^${IMAGE} "sleep 100" Up (Less than a second|\\d+ seconds?)$`));
    await docker("rm", "-f", "life-ps1", "life-ps2");
  });

  test("inspect shows what was asked for, by name and by a prefix of the id", async () => {
    const id = await docker(
      "create",
      "--name",
      "life-inspect",
      "-e",
      "A=b",
      "-w",
      "/tmp",
      "-l",
      "x=y",
      IMAGE,
      "echo",
      "hi",
    );
    const [shown] = JSON.parse(await docker("inspect", id.slice(0, 10)));
    expect(shown).toMatchObject({
      Id: id,
      Name: "/life-inspect",
      Path: "echo",
      Args: ["hi"],
      RestartCount: 0,
    });
    expect(shown.Config).toMatchObject({ WorkingDir: "/tmp", Labels: { x: "y" }, Image: IMAGE });
    expect(shown.Config.Env).toContain("A=b");
    await docker("rm", "life-inspect");
  });

  test("what does not exist is named", async () => {
    const result = await dockerResult(["start", "never-was"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("No such container: never-was");
  });
});

describe("top and stats", () => {
  test("top lists the processes", async () => {
    await docker("run", "-d", "--name", "life-top", IMAGE, "sleep", "4321");
    expect(await docker("top", "life-top")).toContain("sleep 4321");
    expect(await docker("top", "life-top", "-o", "pid,comm")).toMatch(/PID\s+COMMAND\n\d+\s+sleep/);
    await docker("rm", "-f", "life-top");
  });

  test("stats shows memory and processes", async () => {
    await docker("run", "-d", "--name", "life-stats", "--memory", "64m", IMAGE, "sleep", "100");
    const line = await docker(
      "stats",
      "--no-stream",
      "--format",
      "{{.Name}} {{.MemUsage}} {{.PIDs}}",
      "life-stats",
    );
    expect(line).toMatch(/^life-stats \S+ ?\S* \/ 64MiB 1$/);
    await docker("rm", "-f", "life-stats");
  });
});
