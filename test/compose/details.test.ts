// What a person or a script notices besides the great lines: words, formats, where they go.
import { expect, test } from "bun:test";
import { buildFolders } from "../support/build-folder.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, inspect } = useEngine();
const folderOf = buildFolders();
const RUNNING = `image: ${IMAGE}, command: sleep 1000, stop_grace_period: 0s`;

const compose = (cwd: string, ...args: string[]) => engine().berth(["compose", ...args], { cwd });

async function output(cwd: string, ...args: string[]): Promise<string> {
  const result = await compose(cwd, ...args);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stdout.trimEnd();
}

async function down(cwd: string): Promise<void> {
  await output(cwd, "--profile", "*", "down", "-v", "-t", "0", "--remove-orphans");
}

test("run -d prints the container's id", async () => {
  const folder = folderOf({ "compose.yaml": `name: detail1\nservices: { a: { ${RUNNING} } }\n` });
  const id = await output(folder, "run", "-d", "--name", "chosen-name", "a");
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await inspect("chosen-name", "{{.Id}}")).toBe(id);
  await down(folder);
});

test("lists are printed as YAML, too, and lists in templates as Go prints them", async () => {
  const folder = folderOf({
    "compose.yaml": `name: detail2\nservices: { a: { ${RUNNING}, ports: ["127.0.0.1:0:80"] }, b: { ${RUNNING} } }\n`,
  });
  await output(folder, "up", "-d");
  const port = (await output(folder, "port", "a", "80")).split(":")[1];
  expect(await output(folder, "ps", "--format", "{{.Name}} {{.Publishers}}")).toBe(
    `detail2-a-1 [{127.0.0.1 80 ${port} tcp}]\ndetail2-b-1 []`,
  );
  expect(
    Bun.YAML.parse(await output(folder, "ls", "--format", "yaml", "--filter", "name=^detail2$")),
  ).toEqual([{ Name: "detail2", Status: "running(2)", ConfigFiles: `${folder}/compose.yaml` }]);
  expect(Bun.YAML.parse(await output(folder, "images", "--format", "yaml"))).toMatchObject([
    { ContainerName: "detail2-a-1" },
    { ContainerName: "detail2-b-1" },
  ]);
  expect(await output(folder, "version", "--format", "yaml")).toMatch(/^version: \d+\.\d+/);
  await down(folder);
});

test("rm says what it removes; cp what it copies, and where to", async () => {
  const folder = folderOf({
    "compose.yaml": `name: detail3\nservices: { a: { ${RUNNING} } }\n`,
    "file.txt": "x",
  });
  await output(folder, "up", "-d");
  expect((await compose(folder, "cp", "file.txt", "a:/tmp/")).stderr).toBe(
    " detail3-a-1 Copying file.txt to detail3-a-1:/tmp/\n detail3-a-1 Copied file.txt to detail3-a-1:/tmp/\n",
  );
  expect((await compose(folder, "cp", "a:/tmp/file.txt", "back.txt")).stderr).toContain(
    " detail3-a-1 Copied detail3-a-1:/tmp/file.txt to back.txt\n",
  );
  expect(await output(folder, "rm", "-fs")).toBe("Going to remove detail3-a-1");
  await down(folder);
});

test("start says when a project that was only named has no containers", async () => {
  const folder = folderOf({ "x.txt": "" });
  const { code, stderr } = await compose(folder, "-p", "nosuchproject", "start");
  expect({ code, stderr: stderr.trim() }).toEqual({
    code: 1,
    stderr: 'no container found for project "nosuchproject": not found',
  });
});

test("COMPOSE_PROGRESS and COMPOSE_ANSI count in .env, too", async () => {
  const folder = folderOf({
    "compose.yaml": `name: detail4\nservices: { a: { ${RUNNING} } }\n`,
    ".env": "COMPOSE_PROGRESS=json\n",
  });
  const { stderr } = await compose(folder, "create");
  const steps = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id?: string });
  expect(steps.map(({ id }) => id)).toContain("Container detail4-a-1");
  expect((await compose(folder, "--progress", "quiet", "create", "--force-recreate")).stderr).toBe("");
  await Bun.write(`${folder}/.env`, "COMPOSE_ANSI=sometimes\n");
  expect(await compose(folder, "create")).toMatchObject({ code: 1 });
  await Bun.write(`${folder}/.env`, "");
  await down(folder);
});

test("the file of config --lock-image-digests has no name of its own", async () => {
  const folder = folderOf({ "compose.yaml": `name: detail5\nservices: { a: { build: . } }\n` });
  expect(await output(folder, "config", "--lock-image-digests")).toBe("services:\n  a: {}");
});

test("a question that nobody answers is a line of its own", async () => {
  const folder = folderOf({ "compose.yaml": `name: detail6\nservices: { a: { ${RUNNING} } }\n` });
  await output(folder, "create");
  expect((await compose(folder, "rm")).stderr).toBe("Going to remove detail6-a-1 [y/N] \n");
  await down(folder);
});

test("a time that is none is told with its flag", async () => {
  const folder = folderOf({ "compose.yaml": `name: detail7\nservices: { a: { ${RUNNING} } }\n` });
  for (const command of ["logs", "events"]) {
    expect((await compose(folder, command, "--until", "whenever")).stderr).toContain(
      'invalid value for "until": failed to parse value as time or duration: "whenever"',
    );
  }
});

test("a digest that cannot be had is told with its image", async () => {
  const folder = folderOf({ "compose.yaml": "services: { a: { image: 'localhost:1/no/such:1' } }\n" });
  const { code, stderr } = await compose(folder, "config", "--resolve-image-digests");
  expect(code).toBe(1);
  expect(stderr).toContain("failed to resolve digest for localhost:1/no/such:1: ");
});
