// docker-compose 1.29 (Python), as Debian 12 ships it and many scripts still call it.
import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { type CommandResult, IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, inspect, eventually } = useEngine();
const folderOf = buildFolders();

/** Two dollars are one that is no variable of compose. */
const WAITS = "trap 'exit 0' TERM; echo $$0 is up; sleep 600 & wait";

const SHOP = `version: "3.8"
services:
  web:
    build:
      context: web
      args: { WHO: you }
    image: shop-web:1
    environment:
      GREETING: \${GREETING:-hello}
    env_file: web.env
    ports: ["8080"]
    networks:
      front: {}
      back: { aliases: [shopfront] }
    depends_on:
      db: { condition: service_healthy }
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
      interval: 300ms
      retries: 20
    labels: { tier: web }
    restart: unless-stopped
  db:
    image: ${IMAGE}
    command: ["sh", "-c", "touch /data/ready; ${WAITS}", "db"]
    networks: [back]
    volumes:
      - data:/data
      - ./init:/init:ro
    tmpfs: /scratch
    healthcheck:
      test: test -f /data/ready
      interval: 300ms
      retries: 20
  worker:
    image: ${IMAGE}
    command: ["sh", "-c", "${WAITS}", "worker"]
    networks: [back]
    stop_grace_period: 5s
    ulimits: { nofile: 256 }
    cap_drop: [CHOWN]
networks:
  front:
  back:
    driver: bridge
    ipam: { config: [{ subnet: 10.212.33.0/24 }] }
volumes:
  data: { labels: { kept: "yes" } }
`;

const WEB = `FROM ${IMAGE}
ARG WHO=nobody
RUN mkdir /page && echo "built for $WHO" > /page/index.html
CMD ["httpd", "-f", "-p", "8080", "-h", "/page"]
STOPSIGNAL KILL
`;

/** Another one may come first on the path. */
const COMMAND = ["/usr/bin/docker-compose", "--ansi", "never"];
let folder: string;

/** Runs it in a project's folder, whatever comes of it. */
function composeIn(
  project: string,
  name: string,
  args: readonly string[],
  stdin?: string,
): Promise<CommandResult> {
  return runCommand([...COMMAND, "-p", name, ...args], {
    cwd: project,
    env: { DOCKER_HOST: engine().host, DOCKER_CONFIG: join(engine().root, "config") },
    ...(stdin === undefined ? {} : { stdin }),
  });
}

const composeResult = (args: readonly string[], stdin?: string) => composeIn(folder, "shop", args, stdin);

/** Runs it as somebody at a terminal sees it. */
function onTerminal(project: string, args: readonly string[]) {
  let seen = "";
  const child = Bun.spawn([...COMMAND, "-p", "seen", ...args], {
    cwd: project,
    env: { ...process.env, DOCKER_HOST: engine().host, DOCKER_CONFIG: join(engine().root, "config") },
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, bytes) {
        seen += Buffer.from(bytes).toString();
      },
    },
    timeout: 60_000,
  });
  return {
    exited: child.exited,
    type: (text: string) => void child.terminal!.write(text),
    shows: (pattern: RegExp) => eventually(async () => pattern.test(seen) || seen, true),
  };
}

async function compose(...args: string[]): Promise<string> {
  const result = await composeResult(args);
  expect(result, `docker-compose ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout;
}

const namesOf = (...args: string[]) => docker("ps", "--format", "{{.Names}}", ...args).then(sorted);
const sorted = (text: string) => text.split("\n").filter(Boolean).sort();

beforeAll(() => {
  folder = folderOf({
    "docker-compose.yml": SHOP,
    "web.env": "FROM_FILE=yes\n",
    "web/Dockerfile": WEB,
    "init/1.sql": "select 1;\n",
  });
});

describe("an application, from its build to its end", () => {
  test("config, with variables", async () => {
    writeFileSync(join(folder, ".env"), "GREETING=from the file\n");
    const text = await compose("config");
    expect(text).toContain("GREETING: from the file");
    expect(sorted(await compose("config", "--services"))).toEqual(["db", "web", "worker"]);
  });

  test("build", async () => {
    const text = await compose("build");
    expect(text).toContain("Successfully tagged shop-web:1");
    expect(await compose("build", "--no-cache", "--build-arg", "WHO=them", "web")).toContain("WHO=nobody");
    expect(await docker("run", "--rm", "shop-web:1", "cat", "/page/index.html")).toBe("built for them");
  });

  test("up -d waits for what is healthy, and ps shows it", async () => {
    await compose("up", "-d");
    expect(await namesOf()).toEqual(["shop_db_1", "shop_web_1", "shop_worker_1"]);
    expect(await inspect("shop_db_1", "{{.State.Health.Status}}")).toBe("healthy");
    await eventually(() => inspect("shop_web_1", "{{.State.Health.Status}}"), "healthy");
    const listed = await compose("ps");
    expect(listed).toMatch(/shop_db_1 .* Up \(healthy\)/);
    expect(listed).toMatch(/shop_web_1 .* Up \(healthy\) +0\.0\.0\.0:\d+->8080\/tcp/);
    expect(sorted(await compose("ps", "--services"))).toEqual(["db", "web", "worker"]);
    expect(sorted(await compose("ps", "-q")).length).toBe(3);
    const [, port] = (await compose("port", "web", "8080")).trim().split(":");
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("built for them\n");
    expect(await compose("top", "worker")).toContain("sleep 600");
  });

  test("a second up changes nothing", async () => {
    const before = await inspect("shop_web_1", "{{.Id}}");
    const result = await composeResult(["up", "-d"]);
    expect(result.stderr).toContain("shop_web_1 is up-to-date");
    expect(await inspect("shop_web_1", "{{.Id}}")).toBe(before);
  });

  test("logs of one and of all", async () => {
    expect(await compose("logs", "worker")).toContain("worker_1  | worker is up");
    const all = await compose("logs", "--no-color", "--tail=1", "-t");
    expect(all).toMatch(/db_1 +\| \d{4}-\d\d-\d\dT[\d:.]+Z db is up/);
  });

  test("exec -T with input, and its exit code", async () => {
    expect(await compose("exec", "-T", "web", "sh", "-c", "echo $GREETING $FROM_FILE")).toBe(
      "from the file yes\n",
    );
    expect((await composeResult(["exec", "-T", "web", "cat"], "through its input\n")).stdout).toBe(
      "through its input\n",
    );
    expect((await composeResult(["exec", "-T", "web", "sh", "-c", "exit 9"])).code).toBe(9);
    expect(await compose("exec", "-T", "-u", "nobody", "-w", "/tmp", "db", "sh", "-c", "id -un; pwd")).toBe(
      "nobody\n/tmp\n",
    );
  });

  test("services find each other by name and by alias", async () => {
    const script = "for name in db web shopfront; do nslookup $name 127.0.0.11; done";
    const answer = await composeResult(["exec", "-T", "worker", "sh", "-c", script]);
    expect(answer.stdout.match(/Address[^\n]*10\.212\.33\.\d+/g)).toHaveLength(3);
  });

  test("run --rm", async () => {
    expect(
      await compose("run", "--rm", "-T", "--no-deps", "worker", "sh", "-c", "echo one-off; ulimit -n"),
    ).toBe("one-off\n256\n");
    const failed = await composeResult([
      "run",
      "--rm",
      "-T",
      "-e",
      "A=b",
      "worker",
      "sh",
      "-c",
      "echo $A; exit 4",
    ]);
    expect(failed).toMatchObject({ code: 4, stdout: "b\n" });
    expect(await namesOf("-a")).toEqual(["shop_db_1", "shop_web_1", "shop_worker_1"]);
  });

  test("scale up and down", async () => {
    await compose("up", "-d", "--scale", "worker=3", "--no-recreate");
    expect(await namesOf("--filter", "label=com.docker.compose.service=worker")).toEqual(
      [1, 2, 3].map((number) => `shop_worker_${number}`),
    );
    await compose("scale", "worker=1");
    expect(await namesOf("--filter", "label=com.docker.compose.service=worker")).toEqual(["shop_worker_1"]);
  });

  test("pause, restart, stop, start, kill and rm", async () => {
    await compose("pause", "worker");
    expect(await inspect("shop_worker_1", "{{.State.Paused}}")).toBe("true");
    await compose("unpause", "worker");
    const pid = await inspect("shop_worker_1", "{{.State.Pid}}");
    await compose("restart", "worker");
    expect(await inspect("shop_worker_1", "{{.State.Pid}}")).not.toBe(pid);
    await compose("stop", "worker");
    expect(await inspect("shop_worker_1", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 0");
    expect(await compose("ps", "-a")).toMatch(/shop_worker_1 .* Exit 0/);
    await compose("start", "worker");
    await compose("kill", "-s", "KILL", "worker");
    await eventually(() => inspect("shop_worker_1", "{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
    await compose("rm", "-f", "worker");
    expect(await namesOf("-a")).toEqual(["shop_db_1", "shop_web_1"]);
  });

  test("what has changed is made anew, with its volume", async () => {
    await compose("exec", "-T", "db", "sh", "-c", "echo precious > /data/file");
    const before = await inspect("shop_db_1", "{{.Id}}");
    const changed = SHOP.replace("tmpfs: /scratch", "tmpfs: /scratch\n    environment: { NEW: one }");
    writeFileSync(join(folder, "docker-compose.yml"), changed);
    await compose("up", "-d");
    expect(await inspect("shop_db_1", "{{.Id}}")).not.toBe(before);
    expect(await compose("exec", "-T", "db", "sh", "-c", "cat /data/file /init/1.sql; echo $NEW")).toBe(
      "precious\nselect 1;\none\n",
    );
  });

  test("events and down -v", async () => {
    await compose("down", "-v", "--rmi", "local", "--remove-orphans", "-t", "2");
    expect(await namesOf("-a")).toEqual([]);
    expect(
      sorted(await docker("network", "ls", "--filter", "label=com.docker.compose.project=shop", "-q")),
    ).toEqual([]);
    expect(await docker("volume", "ls", "-q")).toBe("");
  });
});

describe("in the foreground", () => {
  test("up shows what all print, and ends as told", async () => {
    const project = folderOf({
      "docker-compose.yml": `services:
  first: { image: "${IMAGE}", command: "sh -c 'echo from first; sleep 1; exit 5'" }
  second: { image: "${IMAGE}", command: "sh -c 'echo from second; exec sleep 600'", init: true }
`,
    });
    const result = await composeIn(project, "front", ["up", "--exit-code-from", "first"]);
    expect(result.stdout).toMatch(/first_1 +\| from first/);
    expect(result.stdout).toMatch(/second_1 +\| from second/);
    expect(result.stdout).toContain("front_first_1 exited with code 5");
    expect(result.code).toBe(5);
    expect(await composeIn(project, "front", ["down"])).toMatchObject({ code: 0 });
  });

  test("exec is on a terminal, and Ctrl-C ends up and stops what it started", async () => {
    const project = folderOf({
      "docker-compose.yml": `services: { one: { image: "${IMAGE}", command: "sh -c 'echo it runs; exec sleep 600'", init: true } }\n`,
    });
    const up = onTerminal(project, ["up"]);
    await up.shows(/it runs/);
    const shell = onTerminal(project, ["exec", "one", "sh"]);
    await shell.shows(/#/);
    shell.type("tty; echo sum=$((40+2)); exit 3\n");
    await shell.shows(/\/dev\/pts\/\d+\r\n(.|\n)*sum=42/);
    expect(await shell.exited).toBe(3);
    up.type("\x03");
    await up.shows(/Gracefully stopping/);
    await up.exited;
    expect(await inspect("seen_one_1", "{{.State.Status}}")).toBe("exited");
    expect(await composeIn(project, "seen", ["down"])).toMatchObject({ code: 0 });
  });

  test("an image that is not there is told so", async () => {
    const project = folderOf({
      "docker-compose.yml": "services: { one: { image: '127.0.0.1:1/none:1' } }\n",
    });
    const result = await composeIn(project, "none", ["up"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("127.0.0.1:1");
    expect(await composeIn(project, "none", ["down"])).toMatchObject({ code: 0 });
  });
});
