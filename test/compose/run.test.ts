// One container of a service: a command in it, files in and out of it, one of its own.
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { type CommandOptions, type CommandResult, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, inspect } = useEngine();
const folderOf = buildFolders();

const COMPOSE = `name: shop
services:
  web:
    image: ${IMAGE}
    command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]
    container_name: the-web
    restart: always
    ports: ["127.0.0.1::8080"]
    environment: { FROM: file, KEPT: "yes" }
    labels: { tier: front }
    volumes: [data:/data]
    depends_on:
      db: { condition: service_healthy }
      job: { condition: service_completed_successfully }
  db:
    image: ${IMAGE}
    command: [sh, -c, "trap exit TERM; touch /ready; sleep 1000 & wait"]
    healthcheck: { test: [CMD, test, -e, /ready], interval: 100ms, retries: 50 }
  job: { image: ${IMAGE}, command: ["true"] }
  many:
    image: ${IMAGE}
    scale: 2
    command: [sh, -c, "echo $$HOSTNAME > /name; trap exit TERM; sleep 1000 & wait"]
    profiles: [more]
  failing: { image: ${IMAGE}, command: ["false"], profiles: [more] }
  waiting:
    image: ${IMAGE}
    profiles: [more]
    depends_on: { failing: { condition: service_completed_successfully } }
volumes: { data: }
`;
let folder: string;

async function compose(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return engine().berth(["compose", ...args], { cwd: folder, ...options });
}

async function output(...args: string[]): Promise<string> {
  const result = await compose(args);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stdout.trimEnd();
}

beforeAll(() => {
  folder = folderOf({
    "compose.yaml": COMPOSE,
    "more.env": "A=1\nB=from file\n",
    "files/a/b.txt": "hello\n",
  });
});

describe("run", () => {
  test("runs a command once, when what the service depends on is as it needs it", async () => {
    const said = await compose([
      "run",
      "--rm",
      "web",
      "sh",
      "-c",
      "echo $FROM $KEPT; nslookup db >/dev/null && echo known",
    ]);
    expect(said).toMatchObject({ code: 0, stdout: "file yes\nknown\n" });
    expect(said.stderr).toContain("Container shop-db-1");
    expect(await inspect("shop-db-1", "{{.State.Health.Status}}")).toBe("healthy");
    expect(await inspect("shop-job-1", "{{.State.ExitCode}}")).toBe("0");
    // Neither the service's own container nor that of the command is there.
    expect(await docker("ps", "-aq", "--filter", "label=com.docker.compose.service=web")).toBe("");
  });

  test("gives the command's exit code, and its streams", async () => {
    const said = await compose(
      ["run", "--rm", "-T", "--no-deps", "web", "sh", "-c", "cat; echo bad >&2; exit 7"],
      {
        stdin: "through\n",
      },
    );
    expect(said).toMatchObject({ code: 7, stdout: "through\n" });
    expect(said.stderr).toContain("bad\n");
  });

  test("flags win over the file", async () => {
    const id = await output(
      ...["run", "-d", "--no-deps", "--entrypoint", "sh -c", "-e", "FROM=flag", "-e", "HOME_TOWN"],
      ...[
        "--env-from-file",
        "more.env",
        "-u",
        "33:33",
        "-w",
        "/tmp",
        "-l",
        "tier=back",
        "-v",
        "./files:/files:ro",
      ],
      ...["-p", "127.0.0.1::9090", "--cap-add", "NET_ADMIN", "--use-aliases", "web", "sleep 1000"],
    );
    const name = (await inspect(id, "{{.Name}}")).slice(1);
    expect(name).toMatch(/^shop-web-run-[0-9a-f]{12}$/);
    const { Config, HostConfig, NetworkSettings } = JSON.parse(await docker("inspect", name))[0];
    expect(Config).toMatchObject({
      User: "33:33",
      WorkingDir: "/tmp",
      Entrypoint: ["sh", "-c"],
      Cmd: ["sleep 1000"],
    });
    expect(Config.Env).toContain("FROM=flag");
    expect(Config.Env).toContain("B=from file");
    expect(Config.Env).toContain("KEPT=yes");
    expect(Config.Env.join()).not.toContain("HOME_TOWN");
    expect(Config.Labels).toMatchObject({
      tier: "back",
      "com.docker.compose.oneoff": "True",
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
    });
    expect(Config.Labels["com.docker.compose.slug"].slice(0, 12)).toBe(name.slice(-12));
    expect(Config.Labels["com.docker.compose.container-number"]).toBeUndefined();
    expect(HostConfig.RestartPolicy.Name).toMatch(/^(no)?$/);
    expect(HostConfig.CapAdd.join()).toContain("NET_ADMIN");
    expect(Object.keys(HostConfig.PortBindings)).toEqual(["9090/tcp"]);
    expect(NetworkSettings.Networks["shop_default"].Aliases).toContain("web");
    expect(await docker("exec", name, "cat", "/files/a/b.txt")).toBe("hello");
    await docker("rm", "-f", name);
  });

  test("--service-ports and --name", async () => {
    await output("run", "-d", "--no-deps", "-P", "--name", "chosen", "web");
    expect(await docker("port", "chosen", "8080")).toMatch(/^127\.0\.0\.1:\d+$/);
    await docker("rm", "-f", "chosen");
    const both = await compose(["run", "-P", "-p", "80", "web"]);
    expect(both).toMatchObject({ code: 1 });
    expect(both.stderr).toContain("--service-ports and --publish are incompatible");
  });

  test("what it depends on fails, and so does it", async () => {
    const said = await compose(["run", "--rm", "waiting", "true"]);
    expect(said.code).toBe(1);
    expect(said.stderr).toContain(`service "failing" didn't complete successfully: exit 1`);
    const unknown = await compose(["run", "nobody"]);
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.stderr).toContain("no such service: nobody");
  });

  test("--dry-run makes nothing", async () => {
    expect(await compose(["--dry-run", "run", "--no-deps", "web", "true"])).toMatchObject({ code: 0 });
    expect(await docker("ps", "-aq", "--filter", "label=com.docker.compose.oneoff=True")).toBe("");
  });
});

describe("in running containers", () => {
  beforeAll(async () => {
    const up = await compose(["--profile", "more", "up", "-d", "many", "db"]);
    expect(up).toMatchObject({ code: 0 });
  });

  test("exec runs a command in a container by its number", async () => {
    const first = await output("exec", "-T", "many", "cat", "/name");
    const second = await output("exec", "-T", "--index", "2", "many", "cat", "/name");
    expect(await inspect("shop-many-1", "{{.Config.Hostname}}")).toBe(first);
    expect(await inspect("shop-many-2", "{{.Config.Hostname}}")).toBe(second);
    const said = await compose(
      [
        "exec",
        "-T",
        "-e",
        "A=b",
        "-u",
        "33",
        "-w",
        "/tmp",
        "many",
        "sh",
        "-c",
        "id -u; pwd; echo $A; cat; exit 3",
      ],
      { stdin: "in" },
    );
    expect(said).toMatchObject({ code: 3, stdout: "33\n/tmp\nb\nin" });
    expect((await compose(["exec", "-T", "--index", "3", "many", "true"])).stderr).toContain(
      'service "many" is not running container #3',
    );
    expect((await compose(["exec", "-T", "web", "true"])).stderr).toContain('service "web" is not running');
  });

  test("cp copies into all containers of a service, and out of one", async () => {
    expect(await compose(["cp", "files/a", "many:/in"])).toMatchObject({ code: 0 });
    for (const index of ["1", "2"])
      expect(await output("exec", "-T", "--index", index, "many", "cat", "/in/b.txt")).toBe("hello");
    mkdirSync(join(folder, "out"));
    expect(await compose(["cp", "--index", "2", "many:/name", "out/"])).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "out/name"), "utf8").trim()).toBe(
      await inspect("shop-many-2", "{{.Config.Hostname}}"),
    );
    expect((await compose(["cp", "many:/a", "db:/b"])).stderr).toContain(
      "copying between services is not supported",
    );
    expect((await compose(["cp", "a", "b"])).stderr).toContain("unknown copy direction");
    expect((await compose(["cp", "a", "nobody:/b"])).stderr).toContain(
      'no container found for service "nobody"',
    );
  });

  test("commit and export take a container's files", async () => {
    writeFileSync(join(folder, "left"), "");
    expect(await compose(["exec", "-T", "db", "sh", "-c", "echo mark > /mark"])).toMatchObject({ code: 0 });
    expect(await compose(["commit", "-m", "kept", "-c", "ENV X=1", "db", "kept/db:1"])).toMatchObject({
      code: 0,
    });
    expect(await docker("run", "--rm", "kept/db:1", "sh", "-c", "cat /mark; echo $X")).toBe("mark\n1");
    expect(await compose(["export", "-o", "db.tar", "db"])).toMatchObject({ code: 0 });
    const listed = Bun.spawnSync(["tar", "-tf", join(folder, "db.tar"), "mark"]);
    expect(listed.exitCode).toBe(0);
  });
});
