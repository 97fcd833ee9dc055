// The daemon itself: what it refuses to start with, what SIGHUP changes, and how it ends.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatagramReceiver } from "../../src/linux/fixtures/datagram-receiver.ts";
import { AGAINST_DOCKER, IMAGE, startEngine } from "../support/engine.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

describe.skipIf(AGAINST_DOCKER)("the daemon", () => {
  test("applies labels and the debug level on SIGHUP, and says what it cannot read", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-daemon-"));
    const file = join(directory, "daemon.json");
    const write = (config: object) => writeFileSync(file, JSON.stringify(config));
    write({ labels: ["stage=one"] });
    await using engine = await startEngine({ args: ["--config-file", file], withoutImage: true });
    const facts = async () => {
      const info = (await (await engine.api("GET", "/info")).json()) as { Labels: string[]; Debug: boolean };
      return [info.Labels, info.Debug];
    };
    expect(await facts()).toEqual([["stage=one"], false]);
    write({ labels: ["stage=two"], debug: true });
    process.kill(engine.pid, "SIGHUP");
    await eventually(facts, [["stage=two"], true]);
    writeFileSync(file, "no JSON");
    process.kill(engine.pid, "SIGHUP");
    await eventually(async () => engine.log().includes("cannot reload the configuration"), true);
    expect(await facts()).toEqual([["stage=two"], true]);
    rmSync(directory, { recursive: true });
  });

  test("tells its service manager when it is ready and when it stops, and nobody else gets that ear", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-notify-"));
    const path = join(directory, "notify");
    using receiver = new DatagramReceiver(path);
    const heard = () => receiver.take().map((bytes) => Buffer.from(bytes).toString());
    await using engine = await startEngine({ env: { NOTIFY_SOCKET: path } });
    await eventually(async () => heard(), [`READY=1\nMAINPID=${engine.pid}`]);
    const id = (await engine.berth(["run", "-d", "--network", "none", IMAGE, "sleep", "1000"])).stdout.trim();
    const monitor = readFileSync(join(engine.root, "exec/containers", id, "conmon.pid"), "utf8").trim();
    expect(readFileSync(`/proc/${monitor}/environ`, "utf8")).not.toContain("NOTIFY_SOCKET");
    expect((await engine.berth(["exec", id, "env"])).stdout).not.toContain("NOTIFY_SOCKET");
    await engine.stop();
    expect(heard()).toEqual([`STOPPING=1\nMAINPID=${engine.pid}`]);
    // Nobody listens any more: that is no reason not to start.
    rmSync(directory, { recursive: true });
    await engine.start();
    expect(engine.log()).toContain("cannot notify the service manager");
  });

  test("does not start with a default runtime that is not there", async () => {
    const start = startEngine({ args: ["--default-runtime", "nonesuch"], withoutImage: true });
    await expect(start).rejects.toThrow("specified default runtime 'nonesuch' does not exist");
  });

  test("lets a request end that is under way when it is told to stop", async () => {
    await using engine = await startEngine();
    const options = ["--stop-timeout", "2", "--name", "stubborn"];
    await engine.berth([
      "run",
      "-d",
      ...options,
      IMAGE,
      "sh",
      "-c",
      "trap '' TERM; while :; do sleep 0.1; done",
    ]);
    const stopping = engine.api("POST", "/containers/stubborn/stop");
    // The daemon has got it when it has told of the signal.
    const filters = encodeURIComponent('{"event":["kill"]}');
    const told = async () => {
      const until = (Date.now() / 1000).toFixed(3);
      return (await engine.api("GET", `/events?since=0&until=${until}&filters=${filters}`)).text();
    };
    await eventually(async () => (await told()).includes('"signal":"15"'), true);
    const [answer] = await Promise.all([stopping, engine.stop()]);
    expect(answer.status).toBe(204);
    expect(engine.log()).toContain("waiting for requests that are under way");
    await engine.start();
    expect((await engine.berth(["inspect", "-f", "{{.State.ExitCode}}", "stubborn"])).stdout).toBe("137\n");
  });

  test("ends and clears away a container whose monitor was killed", async () => {
    await using engine = await startEngine();
    const id = (await engine.berth(["run", "-d", IMAGE, "sleep", "1000"])).stdout.trim();
    const bundle = join(engine.root, "exec", "containers", id);
    process.kill(Number(readFileSync(join(bundle, "conmon.pid"), "utf8")), "SIGKILL");
    const state = async () =>
      (await engine.berth(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id])).stdout;
    await eventually(state, "exited 137\n");
    expect(engine.log()).not.toContain("cannot clean up");
    expect((await engine.berth(["start", id])).code).toBe(0);
    await eventually(state, "running 0\n");
  });
});
