// Containers belong to no daemon process: it may stop, crash and come back under them.
import { expect, test } from "bun:test";
import { IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

async function docker(engine: TestEngine, ...args: string[]): Promise<string> {
  const result = await engine.docker(args);
  expect(result, `docker ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

const COUNT = "i=0; while [ $i -lt 400 ]; do echo tick $i; i=$((i+1)); sleep 0.01; done; exit 12";

for (const way of ["stop", "kill"] as const) {
  test(`after the daemon's ${way}, containers have gone on and no line is lost`, async () => {
    await using engine = await startEngine();
    const id = await docker(engine, "run", "-d", "--name", "ticking", IMAGE, "sh", "-c", COUNT);
    const pid = await docker(engine, "inspect", "-f", "{{.State.Pid}}", id);
    await engine[way]();
    expect(() => process.kill(Number(pid), 0)).not.toThrow();
    await engine.start();
    expect(await docker(engine, "inspect", "-f", "{{.State.Pid}} {{.State.Running}}", id)).toBe(
      `${pid} true`,
    );
    expect(await docker(engine, "wait", id)).toBe("12");
    const lines = (await docker(engine, "logs", id)).split("\n");
    expect(lines).toEqual(Array.from({ length: 400 }, (_, index) => `tick ${index}`));
  });
}

test("what ended while no daemon ran is known: exit code, logs, --rm, restart policy", async () => {
  await using engine = await startEngine();
  const script = (code: number) => ["sh", "-c", `sleep 1; echo last words; exit ${code}`];
  const plain = await docker(engine, "run", "-d", IMAGE, ...script(5));
  const removed = await docker(engine, "run", "-d", "--rm", IMAGE, ...script(0));
  const restarted = await docker(engine, "run", "-d", "--restart", "always", IMAGE, ...script(1));
  await engine.kill();
  await Bun.sleep(1500);
  await engine.start();
  await eventually(
    () => docker(engine, "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", plain),
    "exited 5",
  );
  expect(await docker(engine, "logs", plain)).toBe("last words");
  await eventually(async () => (await engine.docker(["inspect", removed])).code, 1);
  await eventually(() => docker(engine, "inspect", "-f", "{{.State.Running}}", restarted), "true");
});

test("exec, attach, stop and health checks work on a container that another daemon started", async () => {
  await using engine = await startEngine();
  const health = ["--health-cmd", "test -e /ok", "--health-interval", "200ms"];
  const id = await docker(
    engine,
    "run",
    "-di",
    ...health,
    IMAGE,
    "sh",
    "-c",
    "touch /ok; trap 'exit 3' TERM; while read line; do echo heard $line; done; while :; do sleep 0.05; done",
  );
  await engine.kill();
  await engine.start();
  expect(await docker(engine, "exec", id, "echo", "inside")).toBe("inside");
  await eventually(() => docker(engine, "inspect", "-f", "{{.State.Health.Status}}", id), "healthy");
  await docker(engine, "exec", id, "rm", "/ok");
  await eventually(() => docker(engine, "inspect", "-f", "{{.State.Health.Status}}", id), "unhealthy");
  await docker(engine, "stop", id);
  expect(await docker(engine, "inspect", "-f", "{{.State.ExitCode}}", id)).toBe("3");
});

test("a published port goes on answering while the daemon is away, and after", async () => {
  await using engine = await startEngine();
  const id = await docker(
    engine,
    "run",
    "-d",
    "-p",
    "127.0.0.1::80",
    IMAGE,
    "sh",
    "-c",
    "echo here > /www/index.html; exec httpd -f -h /www",
  );
  const address = await docker(engine, "port", id, "80/tcp");
  const page = async () => (await fetch(`http://${address}/`).catch(() => undefined))?.text();
  await eventually(page, "here\n");
  await engine.kill();
  expect(await page()).toBe("here\n");
  await engine.start();
  expect(await page()).toBe("here\n");
});

test("after the machine's end, an application's containers start in its order", async () => {
  await using engine = await startEngine();
  const service = (name: string, dependsOn: string, ...rest: string[]) => {
    const label = (key: string, value: string) => ["--label", `com.docker.compose.${key}=${value}`];
    const labels = [
      ...label("project", "shop"),
      ...label("service", name),
      ...label("depends_on", dependsOn),
    ];
    return docker(engine, "run", "-d", "--name", name, "--restart", "always", ...labels, ...rest);
  };
  const health = ["--health-cmd", "test -e /ready", "--health-interval", "100ms"];
  await service("web", "db:service_healthy:true", IMAGE, "sleep", "1000");
  await service("db", "", ...health, IMAGE, "sh", "-c", "rm -f /ready; sleep 1000");
  const pids = await docker(engine, "inspect", "-f", "{{.State.Pid}}", "web", "db");
  await engine.kill();
  for (const pid of pids.split("\n")) process.kill(Number(pid), "SIGKILL");
  await engine.start();
  const status = (name: string) => docker(engine, "inspect", "-f", "{{.State.Status}}", name);
  await eventually(() => status("db"), "running");
  expect(await status("web")).toBe("restarting");
  await docker(engine, "exec", "db", "touch", "/ready");
  await eventually(() => status("web"), "running");
});
