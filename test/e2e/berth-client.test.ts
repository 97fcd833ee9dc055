// What our own client adds to Docker's, and that it speaks as Docker's does.
import { describe, expect, test } from "bun:test";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine } = useEngine();

async function berth(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result, `berth ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

describe.skipIf(AGAINST_DOCKER)("berth", () => {
  test("the same command says the same on both clients", async () => {
    const id = await berth(
      "run",
      "-d",
      "--name",
      "client-same",
      "-l",
      "a=b",
      "-p",
      "127.0.0.1::80",
      IMAGE,
      "sleep",
      "1000",
    );
    const answers = async (command: readonly string[]) => {
      const [ours, theirs] = [await engine().berth(command), await engine().docker(command)];
      return { ours: { command, ...ours }, theirs: { command, ...theirs } };
    };
    for (const command of [
      ["ps", "-a", "--no-trunc", "--format", "table {{.ID}}\t{{.Names}}\t{{.Ports}}\t{{.Labels}}"],
      ["ps", "--format", "json"],
      ["images"],
      ["images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}"],
      ["inspect", id],
      ["inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}{{json .HostConfig.PortBindings}}", id],
      ["port", id],
      ["volume", "ls"],
      ["network", "ls"],
      ["history", IMAGE],
      ["top", id, "-o", "pid,comm"],
      ["diff", id],
      ["version", "--format", "{{.Server.Version}}"],
    ]) {
      let { ours, theirs } = await answers(command);
      // An age may have gone from one second to the next between the two.
      if (!Bun.deepEquals(ours, theirs)) ({ ours, theirs } = await answers(command));
      expect(ours).toEqual(theirs);
    }
    await berth("rm", "-f", id);
  });

  test("--all stops, starts, restarts, kills and removes everything", async () => {
    const ids = [
      await berth("run", "-d", IMAGE, "sleep", "1000"),
      await berth("run", "-d", IMAGE, "sleep", "1000"),
    ];
    const running = async () =>
      (await berth("ps", "-q", "--no-trunc")).split("\n").filter((id) => id !== "").length;
    await berth("kill", "--all");
    expect(await running()).toBe(0);
    await berth("start", "--all");
    expect(await running()).toBe(2);
    await berth("pause", "-a");
    expect((await berth("ps", "-q", "--filter", "status=paused")).split("\n").length).toBe(2);
    await berth("unpause", ...ids);
    await berth("stop", "-t", "0", "-a");
    expect(await running()).toBe(0);
    await berth("rm", "--all");
    expect(await berth("ps", "-aq")).toBe("");
  });

  test("--health-on-failure=restart restarts, stop stops", async () => {
    const health = ["--health-cmd", "false", "--health-interval", "100ms", "--health-retries", "1"];
    const restarts = await berth(
      "run",
      "-d",
      ...health,
      "--health-on-failure",
      "restart",
      IMAGE,
      "sleep",
      "1000",
    );
    const stops = await berth(
      "run",
      "-d",
      ...health,
      "--health-on-failure",
      "stop",
      "--stop-timeout",
      "0",
      IMAGE,
      "sleep",
      "1000",
    );
    const first = await berth("inspect", "-f", "{{.State.StartedAt}}", restarts);
    for (let attempt = 0; attempt < 100; attempt++) {
      const stopped = (await berth("inspect", "-f", "{{.State.Running}}", stops)) === "false";
      const again = (await berth("inspect", "-f", "{{.State.StartedAt}}", restarts)) !== first;
      if (stopped && again) break;
      await Bun.sleep(100);
    }
    expect(await berth("inspect", "-f", "{{.State.Running}}", stops)).toBe("false");
    expect(await berth("inspect", "-f", "{{.State.StartedAt}}", restarts)).not.toBe(first);
    await berth("rm", "-f", restarts, stops);
  });

  test("mistakes are named, with a way out", async () => {
    const misspelt = await engine().berth(["pss"]);
    expect(misspelt.code).toBe(1);
    expect(misspelt.stderr).toMatch(/ps/);
    const flag = await engine().berth(["run", "--no-such-flag", IMAGE]);
    expect(flag).toMatchObject({ code: 125 });
    expect(flag.stderr).toContain("unknown flag: --no-such-flag");
    expect((await engine().berth(["rm"])).stderr).toContain("'berth rm' requires at least 1 argument");
  });

  test("help and completion for every shell", async () => {
    expect(await berth("--help")).toContain("Usage:");
    expect(await berth("run", "--help")).toContain("--publish");
    for (const shell of ["bash", "zsh", "fish"]) expect(await berth("completion", shell)).toContain("berth");
  });
});
