// Commands of `berth compose` as a person types them: what they print, where, and what they end with.
import { afterAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { type CommandOptions, type CommandResult, IMAGE } from "../support/engine.ts";
import { eventually, useEngine } from "../support/suite.ts";

const { engine, docker } = useEngine();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A service that ends at once when it is told to. */
const IDLE = `trap 'exit 0' TERM; while :; do sleep 0.2 & wait $$!; done`;

interface Project {
  readonly folder: string;
  readonly name: string;
  compose(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Expects success. */
  done(...args: string[]): Promise<CommandResult>;
}

/** A folder with a Compose file; what runs of it is taken down by the engine's end. */
function project(name: string, file: string): Project {
  const folder = mkdtempSync(join(tmpdir(), "berth-compose-"));
  folders.push(folder);
  writeFileSync(join(folder, "compose.yaml"), `name: ${name}\n${file}`);
  const compose = (args: readonly string[], options: CommandOptions = {}) =>
    engine().berth(["compose", ...args], { cwd: folder, ...options });
  const done = async (...args: string[]) => {
    const result = await compose(args);
    expect(result, `compose ${args.join(" ")}`).toMatchObject({ code: 0 });
    return result;
  };
  return { folder, name, compose, done };
}

/** `berth compose` on a terminal of its own. */
class Terminal {
  readonly #chunks: Uint8Array[] = [];
  readonly #child: Bun.Subprocess;
  readonly #decoder = new TextDecoder();

  constructor({ folder }: Project, args: readonly string[], size = { cols: 100, rows: 30 }) {
    this.#child = Bun.spawn([EXECUTABLE, "compose", ...args], {
      cwd: folder,
      env: { ...process.env, DOCKER_HOST: engine().host, DOCKER_CONFIG: engine().root, NO_COLOR: "" },
      terminal: { ...size, data: (_terminal, bytes) => void this.#chunks.push(bytes.slice()) },
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
  }

  get text(): string {
    return this.#decoder.decode(Buffer.concat(this.#chunks)).replaceAll("\r\n", "\n");
  }

  type(keys: string): void {
    this.#child.terminal!.write(keys);
  }

  async sees(text: string): Promise<void> {
    await eventually(async () => this.text.includes(text), true);
  }

  async ended(): Promise<number> {
    const code = await this.#child.exited;
    await Bun.sleep(50);
    return code;
  }
}

const SHOP = `
services:
  web:
    image: ${IMAGE}
    command: ["sh", "-c", "echo hello from web; ${IDLE}"]
    depends_on: [db]
    ports: ["127.0.0.1::80"]
  db:
    image: ${IMAGE}
    command: ["sh", "-c", "echo db is up; ${IDLE}"]
    volumes: ["data:/data"]
volumes:
  data:
`;

describe("an application from up to down", () => {
  test("up says on standard error what it does, one line a step", async () => {
    const shop = project("shop", SHOP);
    const { stdout, stderr } = await shop.done("up", "-d");
    expect(stdout).toBe("");
    const lines = stderr.split("\n");
    for (const step of [
      " Network shop_default Created ",
      " Volume shop_data Created ",
      " Container shop-db-1 Started ",
      " Container shop-web-1 Started ",
    ])
      expect(lines).toContain(step);
    expect(lines.indexOf(" Container shop-db-1 Started ")).toBeLessThan(
      lines.indexOf(" Container shop-web-1 Starting "),
    );

    expect((await shop.done("up", "-d")).stderr).not.toContain("Creat");
  });

  test("ps lists containers as a table, as JSON, by templates, and by services", async () => {
    const shop = project("shop", SHOP);
    const table = (await shop.done("ps")).stdout.split("\n");
    expect(table[0]).toMatch(/^NAME +IMAGE +COMMAND +SERVICE +CREATED +STATUS +PORTS$/);
    expect(table[1]).toMatch(new RegExp(`^shop-db-1 +${IMAGE} +"sh -c 'echo db is u…" +db +.* ago +Up .*$`));
    expect(table[2]).toMatch(/^shop-web-1 .* web +.* ago +Up .*127\.0\.0\.1:\d+->80\/tcp$/);

    const rows = (await shop.done("ps", "--format", "json")).stdout.trim().split("\n");
    const web = JSON.parse(rows[1]!) as Record<string, unknown>;
    expect(web).toMatchObject({
      Name: "shop-web-1",
      Project: "shop",
      Service: "web",
      State: "running",
      ExitCode: 0,
    });
    expect(web["Publishers"]).toEqual([
      { URL: "127.0.0.1", TargetPort: 80, PublishedPort: expect.any(Number), Protocol: "tcp" },
    ]);
    expect((await shop.done("ps", "--services")).stdout).toBe("db\nweb\n");
    expect((await shop.done("ps", "--format", "{{.Service}}: {{.State}}", "db")).stdout).toBe(
      "db: running\n",
    );
    expect((await shop.done("ps", "-q")).stdout).toMatch(/^[0-9a-f]{64}\n[0-9a-f]{64}\n$/);
    expect((await shop.done("ps", "--status", "exited")).stdout.split("\n")).toHaveLength(2);
    expect(await shop.compose(["ps", "nope"])).toMatchObject({ code: 1, stderr: "no such service: nope\n" });
    expect(await shop.compose(["ps", "--filter", "name=x"])).toMatchObject({
      code: 1,
      stderr: "unknown filter name\n",
    });
  });

  test("ls, images, volumes, top, port and stats tell of it", async () => {
    const shop = project("shop", SHOP);
    expect((await shop.done("ls", "--format", "json")).stdout).toMatch(
      /^\[\{"Name":"shop","Status":"running\(2\)","ConfigFiles":"[^"]+"\}\]\n$/,
    );
    expect((await shop.done("ls", "--filter", "name=sh", "-q")).stdout).toBe("shop\n");
    expect((await shop.done("ls", "--filter", "name=other", "-q")).stdout).toBe("");
    expect((await shop.done("images")).stdout).toMatch(
      /\nshop-web-1 +busybox +test +linux\/\w+ +[0-9a-f]{12} /,
    );
    expect((await shop.done("volumes", "-q")).stdout).toBe("shop_data\n");
    expect((await shop.done("volumes", "-q", "web")).stdout).toBe("");
    expect((await shop.done("top", "db")).stdout).toMatch(
      /^SERVICE +# +UID .*CMD\ndb +1 +\S+ .*sh -c echo db is up/,
    );
    expect((await shop.done("port", "web", "80")).stdout).toMatch(/^127\.0\.0\.1:\d+\n$/);
    expect(await shop.compose(["port", "web", "81"])).toMatchObject({
      code: 1,
      stderr: "no port 81/tcp for container shop-web-1: 80/tcp\n",
    });
    const stats = (await shop.done("stats", "--no-stream", "--format", "{{.Container}}")).stdout;
    expect(stats).toMatch(/^[0-9a-f]{12}\n[0-9a-f]{12}\n$/);
  });

  test("logs show each container's lines with its name, padded, without colours where nobody looks", async () => {
    const shop = project("shop", SHOP);
    const lines = (await shop.done("logs")).stdout.split("\n").sort();
    expect(lines).toEqual(["", "db-1   | db is up", "web-1  | hello from web"]);
    expect((await shop.done("logs", "--no-log-prefix", "web")).stdout).toBe("hello from web\n");
    expect((await shop.done("logs", "-t", "db")).stdout).toMatch(
      /^db-1 {2}\| \d{4}-\d\d-\d\dT\S+Z db is up\n$/,
    );
    expect((await shop.done("--ansi", "always", "logs", "db")).stdout).toBe(
      "\x1b[36mdb-1  | \x1b[0mdb is up\n",
    );
    expect((await shop.done("logs", "--tail", "0")).stdout).toBe("");
    expect(await shop.compose(["logs", "--index", "2", "web"])).toMatchObject({
      code: 1,
      stderr: 'service "web" is not running container #2\n',
    });
  });

  test("exec, run and cp work in containers", async () => {
    const shop = project("shop", SHOP);
    expect((await shop.done("exec", "web", "hostname")).stdout).toMatch(/^[0-9a-f]{12}\n$/);
    expect(await shop.compose(["exec", "-T", "web", "sh", "-c", "exit 7"])).toMatchObject({ code: 7 });
    expect(
      await shop.compose(["exec", "-T", "-e", "A=b", "web", "sh", "-c", "echo $A; cat"], { stdin: "in" }),
    ).toMatchObject({
      code: 0,
      stdout: "b\nin",
    });
    const once = await shop.compose(["run", "--rm", "-T", "web", "sh", "-c", "echo once; exit 3"]);
    expect(once).toMatchObject({ code: 3, stdout: "once\n" });
    expect((await shop.done("ps", "-a", "-q")).stdout.split("\n")).toHaveLength(3);

    writeFileSync(join(shop.folder, "note"), "for web\n");
    await shop.done("cp", "note", "web:/tmp/note");
    expect((await shop.done("exec", "web", "cat", "/tmp/note")).stdout).toBe("for web\n");
    await shop.done("cp", "web:/tmp/note", "back");
    expect(readFileSync(join(shop.folder, "back"), "utf8")).toBe("for web\n");
    expect(await shop.compose(["cp", "a", "b"])).toMatchObject({
      code: 1,
      stderr: "unknown copy direction\n",
    });
  });

  test("events tell what happened, as text and as JSON", async () => {
    const shop = project("shop", SHOP);
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    const text = (await shop.done("events", "--since", "1", "--until", until)).stdout;
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} container start [0-9a-f]{64} \(image=busybox:test, name=shop-db-1\)$/m,
    );
    const lines = (await shop.done("events", "--json", "--since", "1", "--until", until, "web")).stdout;
    const events = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(events[0]!)).toEqual(["action", "attributes", "id", "service", "time", "type"]);
    expect(new Set(events.map(({ service }) => service))).toEqual(new Set(["web"]));
    expect(events.map(({ action }) => action)).toContain("start");
  });

  test("commands work by the project's name alone", async () => {
    const elsewhere = { cwd: "/" };
    const shop = project("shop", SHOP);
    expect((await shop.compose(["-p", "shop", "ps", "--services"], elsewhere)).stdout).toBe("db\nweb\n");
    expect((await shop.compose(["-p", "shop", "logs", "--no-log-prefix", "web"], elsewhere)).stdout).toBe(
      "hello from web\n",
    );
    expect(await shop.compose(["-p", "shop", "stop", "-t", "1"], elsewhere)).toMatchObject({ code: 0 });
    expect((await shop.done("ps", "-a", "--format", "{{.State}}")).stdout).toBe("exited\nexited\n");
    const named = { cwd: "/", env: { COMPOSE_PROJECT_NAME: "shop" } };
    expect(await shop.compose(["start"], named)).toMatchObject({ code: 0 });
    expect((await shop.done("ps", "--format", "{{.State}}")).stdout).toBe("running\nrunning\n");
    expect(await shop.compose(["up"], elsewhere)).toMatchObject({
      code: 1,
      stderr: "no configuration file provided: not found\n",
    });
    const down = await shop.compose(["--progress", "json", "-p", "shop", "down", "-v", "-t", "1"], elsewhere);
    expect(down.code).toBe(0);
    const lines = down.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual({ id: "Container shop-web-1", status: "Done", text: "Removed" });
    expect(await docker("ps", "-aq", "--filter", "label=com.docker.compose.project=shop")).toBe("");
    expect(await docker("volume", "ls", "-q", "--filter", "name=shop_data")).toBe("");
  });
});

describe("an attached up", () => {
  const TWO = `
services:
  first:
    image: ${IMAGE}
    command: ["sh", "-c", "echo out; echo err >&2; sleep 0.3; exit 3"]
  second:
    image: ${IMAGE}
    command: ["sh", "-c", "${IDLE}"]
`;

  test("shows all output from the first line on, and ends when all have ended", async () => {
    const once = project(
      "once",
      `services: {a: {image: "${IMAGE}", command: [sh, -c, "echo one; echo two >&2; printf three"]}}`,
    );
    const { code, stdout, stderr } = await once.compose(["up"]);
    expect(code).toBe(0);
    expect(stdout).toBe("Attaching to a-1\na-1  | one\na-1  | three\na-1 exited with code 0\n");
    expect(stderr).toContain("\na-1  | two\n");
    await once.done("down", "-t", "0");
  });

  test("--abort-on-container-exit stops the others, and gives the code", async () => {
    const two = project("two", TWO);
    const { code, stdout, stderr } = await two.compose(["up", "--abort-on-container-exit"]);
    expect(code).toBe(3);
    expect(stdout).toContain("Attaching to first-1, second-1\n");
    expect(stdout).toContain("first-1   | out\n");
    expect(stdout).toContain("first-1 exited with code 3\n");
    expect(stderr).toContain(" Compose Stopping Aborting on container exit...\n");
    expect(stderr).toContain(" Container two-second-1 Stopped ");
  });

  test("--exit-code-from, --attach, --no-attach and --timestamps", async () => {
    const two = project("two", TWO);
    const from = await two.compose(["up", "--exit-code-from", "second", "--timestamps", "--attach", "first"]);
    expect(from.code).toBe(0);
    expect(from.stdout).toMatch(/^Attaching to first-1$/m);
    expect(from.stdout).toMatch(/^first-1 {2}\| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out$/m);
    const failure = await two.compose([
      "up",
      "--abort-on-container-failure",
      "--no-attach",
      "first",
      "--no-log-prefix",
    ]);
    expect(failure.code).toBe(3);
    expect(failure.stdout).not.toMatch(/^out$/m);
    expect(await two.compose(["up", "--attach", "third"])).toMatchObject({
      code: 1,
      stderr: "cannot attach to services not included in up: third\n",
    });
    expect(await two.compose(["up", "-d", "--abort-on-container-exit"])).toMatchObject({ code: 1 });
    await two.done("down", "-t", "0");
  });

  test("a dependency that fails ends it; what runs goes on running", async () => {
    const failing = project(
      "failing",
      `
services:
  app: {image: "${IMAGE}", command: sleep 100, init: true, depends_on: {db: {condition: service_healthy}}}
  db: {image: "${IMAGE}", command: sleep 100, init: true, healthcheck: {test: exit 1, interval: 100ms, retries: 1}}
`,
    );
    const { code, stderr } = await failing.compose(["up"]);
    expect(code).toBe(1);
    expect(stderr).toEndWith("dependency failed to start: container failing-db-1 is unhealthy\n");
    expect((await failing.done("ps", "--services")).stdout).toBe("db\n");
    await failing.done("down", "-t", "0");
  });

  test("an interruption ends the wait for a dependency, too", async () => {
    const sick = project(
      "sick",
      `
services:
  app: {image: "${IMAGE}", command: sleep 100, init: true, depends_on: {db: {condition: service_healthy}}}
  db: {image: "${IMAGE}", command: sleep 100, init: true, healthcheck: {test: exit 1, interval: 60s, start_period: 60s}}
`,
    );
    for (const [args, waits] of [
      [["up"], "app needs it healthy"],
      [["up", "-d"], "app needs it healthy"],
    ] as const) {
      const child = Bun.spawn([EXECUTABLE, "compose", ...args], {
        cwd: sick.folder,
        env: { ...process.env, DOCKER_HOST: engine().host },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        timeout: 30_000,
        killSignal: "SIGKILL",
      });
      let seen = "";
      for await (const bytes of child.stderr) {
        seen += new TextDecoder().decode(bytes);
        if (seen.includes(waits)) child.kill("SIGINT");
      }
      expect(await child.exited).toBe(130);
    }
    await sick.done("down", "-t", "0");
  });

  test("an interruption stops with grace, a second one kills", async () => {
    const STUBBORN = `trap 'echo not yet' TERM; echo ready; while :; do sleep 0.1; done`;
    const stubborn = project(
      "stubborn",
      `services: {a: {image: "${IMAGE}", command: [sh, -c, "${STUBBORN}"], stop_grace_period: 60s}}`,
    );
    const child = Bun.spawn([EXECUTABLE, "compose", "up"], {
      cwd: stubborn.folder,
      env: { ...process.env, DOCKER_HOST: engine().host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    let seen = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) seen += new TextDecoder().decode(bytes);
    })();
    await eventually(async () => seen.includes("a-1  | ready"), true);
    child.kill("SIGINT");
    await eventually(async () => seen.includes("a-1  | not yet"), true);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    await reading;
    expect(seen).toContain("a-1 exited with code 137\n");
    await stubborn.done("down", "-t", "0");
  });
});

test("up --watch and watch copy files that change, and say so", async () => {
  const FILE = `
services:
  web:
    image: ${IMAGE}
    command: ["sh", "-c", "${IDLE}"]
    develop: {watch: [{path: ./src, action: sync, target: /src}]}
  other: {image: "${IMAGE}", command: sleep 100, init: true}
`;
  const live = project("live", FILE);
  mkdirSync(join(live.folder, "src"));
  expect(await live.compose(["up", "--watch", "other"])).toMatchObject({
    code: 1,
    stderr: "none of the selected services is configured for watch, consider setting a 'develop' section\n",
  });
  for (const args of [["up", "--watch"], ["watch"]]) {
    const child = Bun.spawn([EXECUTABLE, "compose", ...args], {
      cwd: live.folder,
      env: { ...process.env, DOCKER_HOST: engine().host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    let seen = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) seen += new TextDecoder().decode(bytes);
    })();
    await eventually(async () => seen.includes("Watch enabled\n"), true);
    writeFileSync(join(live.folder, "src", "page"), args.join(" "));
    await eventually(async () => /^Sync(ing|ed) service.*"web"/m.test(seen), true);
    await eventually(
      async () => (await live.compose(["exec", "-T", "web", "cat", "/src/page"])).stdout,
      args.join(" "),
    );
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    await reading;
  }
  await live.done("down", "-t", "0");
});

describe("on a terminal", () => {
  test("a list with marks and times, and afterwards the output with colours and a menu of keys", async () => {
    const menu = project(
      "menu",
      `services: {web: {image: "${IMAGE}", command: [sh, -c, "echo hello; ${IDLE}"]}}`,
    );
    const terminal = new Terminal(menu, ["up"]);
    await terminal.sees("hello");
    await terminal.sees("Detach");
    expect(terminal.text).toMatch(/\[\+\] up 2\/2/);
    expect(terminal.text).toMatch(
      / \x1b\[32m✔\x1b\[0m Container menu-web-1 +\x1b\[32mCreated\x1b\[0m +\x1b\[34m\d\.\ds\x1b\[0m/,
    );
    expect(terminal.text).toContain("\x1b[36mweb-1  | \x1b[0mhello\n");
    terminal.type("w");
    await terminal.sees("says what to watch");
    terminal.type("d");
    expect(await terminal.ended()).toBe(0);
    expect((await menu.done("ps", "--format", "{{.State}}")).stdout).toBe("running\n");

    const again = new Terminal(menu, ["up"]);
    await again.sees("Detach");
    again.type("\x03");
    expect(await again.ended()).toBe(130);
    expect(again.text).toContain("Gracefully Stopping... press Ctrl+C again to force");
    expect((await menu.done("ps", "-a", "--format", "{{.State}}")).stdout).toBe("exited\n");
    await menu.done("down");
  });

  test("a list that is longer than the terminal is folded to its height", async () => {
    const many = Array.from(
      { length: 9 },
      (_, index) => `  s${index}: {image: "${IMAGE}", command: sleep 100, init: true}`,
    );
    const tall = project("tall", `services:\n${many.join("\n")}\n`);
    const terminal = new Terminal(tall, ["up", "-d"], { cols: 60, rows: 8 });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.text).toContain("[+] up 10/10");
    expect(terminal.text).toMatch(/ … \d+ more/);
    for (const frame of terminal.text.split("\x1b[?25l"))
      expect(frame.split("\n").length).toBeLessThanOrEqual(8);
    await tall.done("down", "-t", "0");
  });

  test("exec gives the command a terminal", async () => {
    const one = project("one", `services: {web: {image: "${IMAGE}", command: [sh, -c, "${IDLE}"]}}`);
    await one.done("up", "-d");
    const terminal = new Terminal(one, [
      "exec",
      "web",
      "sh",
      "-c",
      "test -t 0 && test -t 1 && echo both; until stty size 2>&1 | grep 100; do sleep 0.1; done",
    ]);
    expect(await terminal.ended()).toBe(0);
    expect(terminal.text).toContain("both\n30 100\n");
    await one.done("down");
  });
});

test("logs -f go on with containers that come later, and say how each ended", async () => {
  const later = project(
    "later",
    `services: {web: {image: "${IMAGE}", command: [sh, -c, "echo from $$HOSTNAME; ${IDLE}"], hostname: box}}`,
  );
  await later.done("up", "-d");
  const child = Bun.spawn([EXECUTABLE, "compose", "logs", "-f"], {
    cwd: later.folder,
    env: { ...process.env, DOCKER_HOST: engine().host },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let seen = "";
  const reading = (async () => {
    for await (const bytes of child.stdout) seen += new TextDecoder().decode(bytes);
  })();
  await eventually(async () => seen.includes("web-1  | from box\n"), true);
  await later.done("up", "-d", "--scale", "web=2");
  await eventually(async () => seen.includes("web-2  | from box\n"), true);
  await later.done("kill", "-s", "TERM");
  expect(await child.exited).toBe(0);
  await reading;
  expect(seen.split("\n").sort()).toEqual([
    "",
    "web-1  | from box",
    "web-1 exited with code 0",
    "web-2  | from box",
    "web-2 exited with code 0",
  ]);
  await later.done("down");
});

test("an attached up shows each line of a container that is started again and again once", async () => {
  const flaky = project(
    "flaky",
    `services: {a: {image: "${IMAGE}", restart: "on-failure:2", command: [sh, -c, "echo try $$(cat /n)1; printf 1 >> /n; exit 4"]}}`,
  );
  const { code, stdout } = await flaky.compose(["up"]);
  expect(code).toBe(0);
  expect(stdout.split("\n").filter((line) => line.includes("try"))).toEqual([
    "a-1  | try 1",
    "a-1  | try 11",
    "a-1  | try 111",
  ]);
  expect(stdout).toContain("a-1 exited with code 4 (restarting)\n");
  expect(stdout).toEndWith("a-1 exited with code 4\n");
  await flaky.done("down");
});

test("output that nobody reads any more ends the command, and nothing else", async () => {
  const busy = project(
    "busy",
    `services: {a: {image: "${IMAGE}", command: [sh, -c, "trap 'exit 0' TERM; while echo tick; do sleep 0.1 & wait $$!; done"]}}`,
  );
  await busy.done("up", "-d");
  for (const command of ["logs -f", "up"]) {
    const child = Bun.spawn(
      ["sh", "-c", `{ "$0" compose ${command} 2>/dev/null; echo $? >&2; } | head -2`, EXECUTABLE],
      {
        cwd: busy.folder,
        env: { ...process.env, DOCKER_HOST: engine().host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: 30_000,
        killSignal: "SIGKILL",
      },
    );
    expect((await new Response(child.stdout).text()).split("\n")).toHaveLength(3);
    expect(await new Response(child.stderr).text()).toBe("141\n");
    expect(await child.exited).toBe(0);
  }
  expect((await busy.done("ps", "--format", "{{.State}}")).stdout).toBe("running\n");
  await busy.done("down", "-t", "1");
});

describe("config", () => {
  const GOLDENS = join(import.meta.dir, "../../src/compose/project/goldens");
  const FLAGS: Readonly<Record<string, readonly string[]>> = { extends: ["--profile", "p"] };

  for (const name of readdirSync(GOLDENS)) {
    test(`prints what Docker Compose does: ${name}`, async () => {
      const parent = mkdtempSync(join(tmpdir(), "berth-compose-"));
      folders.push(parent);
      const folder = join(parent, "app");
      cpSync(join(GOLDENS, name), folder, { recursive: true });
      const expected = (file: string) => readFileSync(join(GOLDENS, name, file), "utf8");
      const config = async (...args: string[]) => {
        const env = { HOME: "/home/me", PWD: folder };
        const command = [
          "env",
          "-i",
          "HOME=/home/me",
          `PWD=${folder}`,
          EXECUTABLE,
          "compose",
          ...(FLAGS[name] ?? []),
          "config",
          ...args,
        ];
        const child = Bun.spawn(command, {
          cwd: folder,
          env,
          stdout: "pipe",
          stderr: "ignore",
          stdin: "ignore",
        });
        const text = await new Response(child.stdout).text();
        expect(await child.exited).toBe(0);
        return text.replaceAll(parent, "/srv");
      };
      expect(await config()).toBe(expected("expected.yaml"));
      expect(await config("--format", "json")).toBe(expected("expected.json.txt"));
    });
  }

  test("prints parts of it", async () => {
    const parts = project(
      "parts",
      `services:
  web: {image: "\${IMG:-busybox:test}", environment: {A: "\${NEED:?say it}", B: "\${ALT:+x}"}, profiles: [extra], depends_on: [db], networks: [front]}
  db: {build: ., networks: [front, back], volumes: ["data:/d"]}
networks: {front: , back: }
volumes: {data: , unused: }
`,
    );
    const env = { env: { NEED: "yes" } };
    const config = async (...args: string[]) => (await parts.compose(["config", ...args], env)).stdout;
    expect(await config("--services")).toBe("db\n");
    expect((await parts.compose(["--profile", "*", "config", "--services"], env)).stdout).toBe("db\nweb\n");
    expect(await config("--profiles")).toBe("extra\n");
    expect(await config("--networks")).toBe("back\nfront\n");
    expect(await config("--volumes")).toBe("data\n");
    expect((await parts.compose(["--all-resources", "config", "--volumes"], env)).stdout).toBe(
      "data\nunused\n",
    );
    expect(await config("--images")).toBe("parts-db\n");
    expect(await config("--hash", "db")).toMatch(/^db [0-9a-f]{64}\n$/);
    expect(await config("--environment")).toContain("NEED=yes\n");
    expect(await config("-q")).toBe("");
    expect((await config("--variables")).split("\n").map((line) => line.trimEnd())).toEqual([
      "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE",
      "ALT                 false                                   x",
      "IMG                 false               busybox:test",
      "NEED                true",
      "",
    ]);
    expect(await config("--no-interpolate")).toContain("A: ${NEED:?say it}");
    await config("-o", "out.yaml");
    expect(readFileSync(join(parts.folder, "out.yaml"), "utf8")).toStartWith("name: parts\nservices:\n");
    expect(await parts.compose(["config"])).toMatchObject({ code: 1 });
    expect(await parts.compose(["config", "--format", "xml"], env)).toMatchObject({
      code: 1,
      stderr: 'unsupported format "xml"\n',
    });
  });

  test("a mistake is told with its place and what was expected", async () => {
    const wrong = project("wrong", "services:\n  web:\n    imge: x\n    ports: 80\n");
    const { code, stderr } = await wrong.compose(["config"]);
    expect(code).toBe(1);
    expect(stderr).toContain("compose.yaml:4:5: services.web");
    expect(stderr).toContain("imge");
    const json = await wrong.compose(["--progress", "json", "config"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: true });
  });

  test("a variable that is not set is warned of, once", async () => {
    const unset = project("unset", `services: {a: {image: x, command: [$NOPE, $NOPE]}}`);
    const { stderr } = await unset.done("config", "-q");
    expect(stderr).toMatch(
      /^time="[^"]+Z" level=warning msg="The \\"NOPE\\" variable is not set\. Defaulting to a blank string\."\n$/,
    );
  });
});

test("build shows the steps of each service's image, and what a failing one said", async () => {
  const made = project(
    "made",
    `
services:
  good: {build: {context: ., dockerfile_inline: "FROM ${IMAGE}\\nRUN echo well made"}}
  bad: {build: {context: ., dockerfile_inline: "FROM ${IMAGE}\\nRUN echo oh no; exit 3"}}
`,
  );
  const good = await made.done("build", "good");
  expect(good.stderr).toMatch(/^#\d+ \[good 2\/2\] RUN echo well made$/m);
  expect(good.stderr).toMatch(/ well made$/m);
  expect(good.stderr).toEndWith(" Image made-good Built \n");
  const bad = await made.compose(["build", "bad"]);
  expect(bad.code).toBe(1);
  expect(bad.stderr).toContain("oh no");
  expect(bad.stderr).toMatch(/did not complete successfully: exit code: 3\n$/);
  expect((await made.done("build", "-q", "good")).stderr).toBe("");
  expect(JSON.parse((await made.done("build", "--print", "good")).stdout)).toMatchObject({
    group: { default: { targets: ["good"] } },
  });
});

describe("what would be done", () => {
  test("up --plan and why name the reason and the attribute", async () => {
    const plan = project("plan", `services: {web: {image: "${IMAGE}", command: sleep 100, init: true}}`);
    const first = (await plan.done("up", "--plan")).stdout;
    expect(first).toContain("+ Network plan_default: create");
    expect(first).toContain("+ Container plan-web-1: create");
    expect(await docker("ps", "-aq", "--filter", "label=com.docker.compose.project=plan")).toBe("");
    await plan.done("up", "-d");
    expect((await plan.done("up", "--plan")).stdout).toEndWith("Nothing to do.\n");
    writeFileSync(
      join(plan.folder, "compose.yaml"),
      `name: plan\nservices: {web: {image: "${IMAGE}", command: sleep 200, init: true}}`,
    );
    const changed = (await plan.done("why", "web")).stdout;
    expect(changed).toContain("± Container plan-web-1: recreate");
    expect(changed).toContain("command: ");
    const json = JSON.parse((await plan.done("--progress", "json", "up", "--plan")).stdout) as {
      actions: unknown[];
    };
    expect(json.actions).toContainEqual(expect.objectContaining({ kind: "recreate", service: "web" }));
    await plan.done("down", "-t", "0");
  });

  test("graph draws the application", async () => {
    const shop = project("drawn", SHOP);
    const text = (await shop.done("graph")).stdout;
    for (const name of ["web", "db", "data"]) expect(text).toContain(name);
    expect((await shop.done("graph", "--format", "svg")).stdout).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(await shop.compose(["graph", "--format", "png"])).toMatchObject({
      code: 1,
      stderr: 'unsupported format "png"\n',
    });
  });

  test("--dry-run changes nothing, wherever it stands", async () => {
    const dry = project("dry", `services: {web: {image: "${IMAGE}", command: sleep 100}}`);
    for (const args of [
      ["--dry-run", "up", "-d"],
      ["up", "--dry-run", "-d"],
    ]) {
      const { stderr } = await dry.done(...args);
      expect(stderr).toContain(" DRY-RUN MODE - Container dry-web-1 Created");
    }
    expect(await docker("ps", "-aq", "--filter", "label=com.docker.compose.project=dry")).toBe("");
    expect(await docker("network", "ls", "-q", "--filter", "name=dry_default")).toBe("");
  });
});

describe("the command line", () => {
  test("mistakes are told as Docker Compose tells them", async () => {
    const any = project("any", `services: {web: {image: "${IMAGE}"}}`);
    const failures: readonly (readonly [string, number, string])[] = [
      ["nope", 1, "unknown command: berth compose nope"],
      ["up --nope", 125, "unknown flag: --nope"],
      ["up -Z", 125, "unknown shorthand flag: 'Z' in -Z"],
      ["--progress loud ps", 1, 'unsupported --progress value "loud"'],
      ["-f nope.yaml ps", 1, `open ${any.folder}/nope.yaml: no such file or directory`],
      [
        "-f https://host.example/compose.yaml ps",
        1,
        "https://host.example/compose.yaml: Compose files are read from",
      ],
      ["up nope", 1, "no such service: nope"],
      ["up --scale web", 1, 'invalid --scale option "web". Should be SERVICE=NUM'],
      ["up --build --no-build", 1, "--build and --no-build are incompatible"],
      ["up --pull sometimes", 1, 'invalid --pull option "sometimes"'],
      ["scale web", 1, "invalid scale specifier: web"],
      ["exec web", 1, "requires at least 2 arg(s), only received 1"],
      ["exec web ls", 1, 'service "web" is not running'],
      ["down --rmi some", 1, 'invalid value for --rmi: "some"'],
      ["publish x", 1, "berth compose publish: berth puts no Compose files into registries"],
      ["--compatibility up -d", 1, "--compatibility names containers shop_web_1"],
    ];
    for (const [line, code, text] of failures) {
      const result = await any.compose(line.split(" "));
      expect({ line, code: result.code, says: result.stderr.startsWith(text) || result.stderr }).toEqual({
        line,
        code,
        says: true,
      });
    }
    expect(await any.compose(["rm", "-f"])).toMatchObject({ code: 0, stderr: "No stopped containers\n" });
    expect(await any.compose(["kill"])).toMatchObject({ code: 0, stderr: "No container to kill\n" });
  });

  test("help lists commands, and flags of one", async () => {
    const { stdout } = await engine().berth(["compose", "--help"]);
    expect(stdout).toContain("Usage:  berth compose [OPTIONS] COMMAND\n");
    expect(stdout).toMatch(/^ {2}up +Make and start containers$/m);
    for (const args of [
      ["compose", "up", "--help"],
      ["compose", "help", "up"],
      ["help", "compose", "up"],
    ]) {
      expect((await engine().berth(args)).stdout).toContain("--abort-on-container-exit");
    }
  });

  test("commands, flags and services are completed", async () => {
    const here = project("here", `services: {web: {image: x}, worker: {image: x}, db: {image: x}}`);
    const complete = async (...words: string[]) =>
      (await engine().berth(["__complete", ...words], { cwd: here.folder })).stdout;
    expect(await complete("compose", "res")).toContain("restart");
    expect(await complete("compose", "up", "--force")).toContain("--force-recreate");
    const services = await complete("compose", "logs", "w");
    expect(services).toContain("web");
    expect(services).toContain("worker");
    expect(services).not.toContain("db");
  });
});

test("docker compose of Docker's client runs it once the plugin is installed", async () => {
  const own = project("plugged", `services: {web: {image: "${IMAGE}", command: sleep 100, init: true}}`);
  const config = mkdtempSync(join(tmpdir(), "berth-compose-"));
  folders.push(config);
  const env = { DOCKER_CONFIG: config };
  const installed = await own.compose(["install-plugin"], { env });
  expect(installed).toMatchObject({ code: 0 });
  const path = join(config, "cli-plugins", "docker-compose");
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  const through = (...args: string[]) => engine().docker(args, { cwd: own.folder, env });
  expect((await through("compose", "version")).stdout).toStartWith("berth compose version ");
  expect(await through("compose", "up", "-d")).toMatchObject({ code: 0 });
  expect((await through("compose", "ps", "--services")).stdout).toBe("web\n");
  expect(await through("compose", "down", "-t", "0")).toMatchObject({ code: 0 });

  const standalone = Bun.spawn([path, "config", "--services"], {
    cwd: own.folder,
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await new Response(standalone.stdout).text()).toBe("web\n");
  expect(await own.compose(["install-plugin", "--remove"], { env })).toMatchObject({ code: 0 });
  mkdirSync(join(config, "cli-plugins"), { recursive: true });
  writeFileSync(path, "another");
  expect(await own.compose(["install-plugin"], { env })).toMatchObject({ code: 1 });
});
