// Files that change while an application runs.
import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { type CommandOptions, type CommandResult, IMAGE } from "../support/engine.ts";
import { eventually, useEngine } from "../support/suite.ts";
import { RunningCompose } from "./running.ts";

const { engine, docker, inspect } = useEngine();
const folderOf = buildFolders();
const SLEEP = 'command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]';

const compose = (
  cwd: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> => engine().berth(["compose", ...args], { cwd, ...options });

async function must(cwd: string, ...args: string[]): Promise<string> {
  const result = await compose(cwd, args);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stdout.trimEnd();
}

/** What a container has at a path; the error where it has nothing. */
const read =
  (folder: string, service: string, path: string, index = 1) =>
  async () => {
    const { stdout, stderr } = await compose(folder, [
      "exec",
      "-T",
      "--index",
      String(index),
      service,
      "cat",
      path,
    ]);
    return stdout || stderr.trim().split(": ").at(-1);
  };

let open: RunningCompose | undefined;
afterEach(async () => {
  await open?.[Symbol.asyncDispose]();
  open = undefined;
});

async function watching(folder: string, ...args: string[]): Promise<RunningCompose> {
  open = new RunningCompose(engine(), folder, args.length === 0 ? ["watch", "--no-up"] : args);
  await open.said("Watch enabled");
  return open;
}

test("sync copies what changes into each container, and takes away what is removed", async () => {
  const folder = folderOf({
    "src/first.txt": "before",
    "src/sub/deep.txt": "deep",
    "conf.ini": "a=1",
    ".dockerignore": "*.tmp\nsecret\n",
    "compose.yaml": `name: syncing
services:
  web:
    image: ${IMAGE}
    scale: 2
    build: .
    ${SLEEP}
    develop:
      watch:
        - { action: sync, path: ./src, target: /app, ignore: [skipped/], initial_sync: true }
        - { action: sync, path: ./conf.ini, target: /etc/conf.ini }
`,
  });
  const at = (path: string) => join(folder, path);
  await must(folder, "up", "-d", "--no-build");
  const watch = await watching(folder);
  // What was there at first is there, in all containers.
  for (const index of [1, 2]) expect(await read(folder, "web", "/app/sub/deep.txt", index)()).toBe("deep");

  writeFileSync(at("src/first.txt"), "after");
  await eventually(read(folder, "web", "/app/first.txt"), "after");
  await eventually(read(folder, "web", "/app/first.txt", 2), "after");
  await watch.said('Syncing service "web" after 1 changes were detected');

  // As editors save: a new file takes the old one's place. Its mode comes along.
  writeFileSync(at("src/.first.txt.swp"), "x");
  writeFileSync(at("src/new"), "#!/bin/sh\necho ran\n");
  chmodSync(at("src/new"), 0o755);
  renameSync(at("src/new"), at("src/first.txt"));
  writeFileSync(at("conf.ini"), "a=2");
  symlinkSync("first.txt", at("src/link"));
  mkdirSync(at("src/skipped"));
  writeFileSync(at("src/skipped/x"), "x");
  writeFileSync(at("src/passing.tmp"), "matched from the build's folder only");
  await eventually(read(folder, "web", "/app/link"), "#!/bin/sh\necho ran\n");
  expect(await must(folder, "exec", "-T", "web", "/app/first.txt")).toBe("ran");
  await eventually(read(folder, "web", "/etc/conf.ini"), "a=2");
  await eventually(read(folder, "web", "/app/passing.tmp"), "matched from the build's folder only");
  expect(await must(folder, "exec", "-T", "web", "ls", "-a", "/app")).toBe(
    [".", "..", "first.txt", "link", "passing.tmp", "sub"].join("\n"),
  );

  rmSync(at("src/sub"), { recursive: true });
  rmSync(at("src/first.txt"));
  await eventually(read(folder, "web", "/app/sub/deep.txt"), "No such file or directory");
  await eventually(read(folder, "web", "/app/first.txt", 2), "No such file or directory");

  // A container that takes the place of another gets what the other had.
  await must(folder, "up", "-d", "--no-build", "--force-recreate", "-t", "0");
  writeFileSync(at("src/later"), "later");
  await eventually(read(folder, "web", "/app/later"), "later");
  expect(await read(folder, "web", "/etc/conf.ini")()).toBe("a=2");
  expect(await watch.interrupt()).toBe(130);
  expect(watch.text).toContain("Watch disabled");
});

test("restart, sync+restart and sync+exec do what they say once for many files", async () => {
  const folder = folderOf({
    "conf/a": "1",
    "code/a": "1",
    "assets/a": "1",
    "compose.yaml": `name: acting
services:
  one:
    image: ${IMAGE}
    command: [sh, -c, "echo run >> /runs; trap exit TERM; sleep 1000 & wait"]
    stop_grace_period: 1s
    develop:
      watch:
        - { action: restart, path: ./conf }
        - { action: sync+restart, path: ./code, target: /code }
  two:
    image: ${IMAGE}
    ${SLEEP}
    develop:
      watch:
        - action: sync+exec
          path: ./assets
          target: /assets
          exec: { command: [sh, -c, "echo $$WHO $$(id -u) $$PWD $$(cat /assets/* | wc -c) >> /log && echo told"], user: "33", environment: { WHO: me }, working_dir: /tmp }
`,
  });
  const at = (path: string) => join(folder, path);
  await must(folder, "up", "-d");
  await must(folder, "exec", "-T", "two", "sh", "-c", "touch /log; chmod 666 /log");
  const watch = await watching(folder);
  writeFileSync(at("conf/a"), "2");
  await eventually(read(folder, "one", "/runs"), "run\nrun\n");
  await watch.said('service(s) ["one"] restarted');
  for (const name of ["a", "b", "c"]) writeFileSync(at(`code/${name}`), "new");
  await eventually(read(folder, "one", "/runs"), "run\nrun\nrun\n");
  expect(await must(folder, "exec", "-T", "one", "sh", "-c", "cat /code/*")).toBe("newnewnew");
  for (const name of ["a", "b"]) writeFileSync(at(`assets/${name}`), "new");
  await eventually(read(folder, "two", "/log"), "me 33 /tmp 6\n");
  await watch.said("told");

  // What goes wrong is told, and the watch goes on.
  await must(folder, "exec", "-T", "two", "chmod", "600", "/log");
  writeFileSync(at("assets/a"), "x");
  await watch.said("hook exited with status");
  await must(folder, "exec", "-T", "two", "chmod", "666", "/log");
  writeFileSync(at("assets/a"), "yy");
  await eventually(read(folder, "two", "/log"), "me 33 /tmp 6\nme 33 /tmp 5\n");
  await watch.interrupt();
});

test("rebuild makes a new image and a new container, and leaves no old image behind", async () => {
  const folder = folderOf({
    Dockerfile: `FROM ${IMAGE}\nCOPY version /version\nRUN test "$(cat /version)" != broken\n`,
    version: "1",
    "compose.yaml": `name: rebuilding
services:
  app:
    build: .
    ${SLEEP}
    develop: { watch: [{ action: rebuild, path: ./version }] }
  other: { image: ${IMAGE}, ${SLEEP}, depends_on: [app] }
`,
  });
  const watch = await watching(folder, "watch");
  const other = await inspect("rebuilding-other-1", "{{.Id}}");
  const first = await inspect("rebuilding-app-1", "{{.Image}}");
  writeFileSync(join(folder, "version"), "broken");
  await watch.said("Build failed.");
  writeFileSync(join(folder, "version"), "2");
  await watch.said('service(s) ["app"] successfully built');
  await eventually(read(folder, "app", "/version"), "2");
  expect(await inspect("rebuilding-other-1", "{{.Id}}")).toBe(other);
  await eventually(async () => (await docker("images", "-aq", "--no-trunc")).includes(first), false);
  expect(await watch.interrupt()).toBe(130);
});

test("up --watch shows what runs, also when it is replaced, and stops it in the end", async () => {
  const folder = folderOf({
    Dockerfile: `FROM ${IMAGE}\nCOPY version /version\n`,
    version: "one",
    "compose.yaml": `name: attached
services:
  app:
    build: .
    command: [sh, -c, "echo this is $$(cat /version); trap exit TERM; sleep 1000 & wait"]
    develop: { watch: [{ action: rebuild, path: ./version }] }
`,
  });
  const up = await watching(folder, "up", "--watch", "--no-color");
  await up.said("| this is one");
  writeFileSync(join(folder, "version"), "two");
  await up.said("| this is two");
  await up.interrupt();
  expect(await inspect("attached-app-1", "{{.State.Status}}")).toBe("exited");
});

test("what cannot be watched is said at once", async () => {
  const folder = folderOf({
    "src/a": "",
    "none.yaml": `name: none\nservices:\n  a: { image: ${IMAGE} }\n`,
    "wrong.yaml": `name: none\nservices:\n  a: { image: ${IMAGE}, develop: { watch: [{ action: rebuild, path: src }] } }\n`,
  });
  const none = await compose(folder, ["-f", "none.yaml", "watch", "--no-up"]);
  expect(none).toMatchObject({ code: 1 });
  expect(none.stderr).toContain(
    "none of the selected services is configured for watch, consider setting a 'develop' section",
  );
  const wrong = await compose(folder, ["-f", "wrong.yaml", "watch", "--no-up"]);
  expect(wrong.stderr).toContain(`can't watch service "a" with action rebuild without a build context`);
});

test("a project is watched by one at a time", async () => {
  const file = (name: string) => `name: ${name}
services:
  app: { image: ${IMAGE}, command: sleep 1000, develop: { watch: [{ action: restart, path: ./src }] } }
`;
  const folder = folderOf({ "src/a": "", "compose.yaml": file("locked"), "other.yaml": file("lockedtoo") });
  const { stderr } = await (async () => {
    const first = await watching(folder);
    expect(first.text).toContain("Watch enabled");
    return compose(folder, ["watch", "--no-up"]);
  })();
  expect(stderr).toMatch(
    /cannot take exclusive lock for project "locked": process with PID \d+ is still running/,
  );
  {
    await using other = new RunningCompose(engine(), folder, ["-f", "other.yaml", "watch", "--no-up"]);
    await other.said("Watch enabled");
  }
  await open?.[Symbol.asyncDispose]();
  await watching(folder);
});
