// Passwords in the addresses of `ADD` are used, and then are nowhere: not in the image, nor in what is told, kept or logged.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine } = useEngine();
const folderOf = buildFolders();

const PASSWORD = "correct-horse-4711";
const USER = "rider-4711";
const hasGit = Bun.which("git") !== null;

let root: string;
let server: Bun.Server<undefined>;

async function git(...args: string[]): Promise<void> {
  const env = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", HOME: root };
  const identity = [
    "-c",
    "user.name=T",
    "-c",
    "user.email=t@example.com",
    "-c",
    "protocol.file.allow=always",
  ];
  const result = await runCommand(["git", ...identity, ...args], { cwd: root, env });
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
}

/** A repository that any web server can hand out. */
async function repository(name: string, make: (work: string) => Promise<void>): Promise<void> {
  const work = join(root, `${name}-work`);
  await git("init", "--quiet", "-b", "main", work);
  writeFileSync(join(work, name), name);
  await make(work);
  await git("-C", work, "add", "-A");
  await git("-C", work, "commit", "--quiet", "-m", "one");
  await git("clone", "--quiet", "--bare", work, join(root, "web", `${name}.git`));
  await git("-C", join(root, "web", `${name}.git`), "update-server-info");
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "berth-passwords-"));
  mkdirSync(join(root, "web"));
  writeFileSync(join(root, "web", "file.txt"), "fetched\n");
  const expected = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      if (request.headers.get("authorization") !== expected)
        return new Response("", { status: 401, headers: { "WWW-Authenticate": 'Basic realm="r"' } });
      const file = Bun.file(join(root, "web", new URL(request.url).pathname));
      return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
    },
  });
  if (hasGit) await repository("main", async () => {});
});
afterAll(async () => {
  await server?.stop(true);
  rmSync(root, { recursive: true, force: true });
});

const address = (path: string) => `http://${USER}:${PASSWORD}@127.0.0.1:${server.port}/${path}`;

/** Where the secret is found, of everything that a build leaves and says. */
async function leaks(shown: string): Promise<string[]> {
  const { root: place } = engine();
  const grep = ["grep", "-rla", "--exclude-dir=config", "-e", PASSWORD, "-e", USER, place];
  const found = (await runCommand(grep)).stdout.split("\n").filter(Boolean);
  return [...found, ...(shown.includes(PASSWORD) ? ["what the client shows"] : [])];
}

async function build(dockerfile: string, ...args: string[]) {
  const folder = folderOf({ Dockerfile: dockerfile });
  const result = await engine().berth(["build", "--progress", "plain", "-t", "fetched", ...args, folder]);
  return { ...result, shown: result.stdout + result.stderr };
}

test("a file", async () => {
  const { code, shown } = await build(`FROM ${IMAGE}\nADD ${address("file.txt")} /\nRUN cat /file.txt`);
  expect(shown).toContain("fetched");
  expect(code).toBe(0);
  const history = await engine().berth(["history", "--no-trunc", "--format", "{{.CreatedBy}}", "fetched"]);
  expect(history.stdout).toContain(`ADD http://xxxxx:xxxxx@127.0.0.1:${server.port}/file.txt / # buildkit`);
  const du = await engine().berth(["builder", "du", "--verbose"]);
  const log = await engine().berth(["image", "log", "fetched"]);
  expect(await leaks(shown + history.stdout + du.stdout + log.stdout)).toEqual([]);
});

test("an argument that is put in", async () => {
  const args = ["--build-arg", `FROM_WHERE=${address("file.txt")}`];
  const { code, shown } = await build(`FROM ${IMAGE}\nARG FROM_WHERE\nADD $FROM_WHERE /`, ...args);
  expect(code).toBe(0);
  expect(await leaks(shown)).toEqual([]);
});

test("the same with a wrong password fails, and is no hit of the cache", async () => {
  await build(`FROM ${IMAGE}\nADD ${address("file.txt")} /`);
  const wrong = address("file.txt").replace(PASSWORD, `${PASSWORD}-not`);
  const { code, shown } = await build(`FROM ${IMAGE}\nADD ${wrong} /`);
  expect(code).toBe(1);
  expect(shown).toContain("invalid response status 401");
});

test.if(hasGit)("a repository, also with its .git", async () => {
  const { code, shown } = await build(
    `FROM ${IMAGE}\nADD ${address("main.git")} /a/\nADD --keep-git-dir ${address("main.git")} /b/\nRUN cat /a/main /b/main /b/.git/config`,
  );
  expect(shown).toContain("mainmain");
  expect(shown).toContain(`url = http://127.0.0.1:${server.port}/main.git`);
  expect(code).toBe(0);
  expect(await leaks(shown)).toEqual([]);
});

test("the daemon's log says nothing of it", () => {
  expect(readFileSync(join(engine().root, "daemon.log"), "utf8")).not.toContain(PASSWORD);
});
