import { expect, test } from "bun:test";
import { Cli } from "../cli.ts";
import { complete } from "./candidates.ts";
import { completionScript, SHELLS } from "./scripts.ts";

const engine = {
  containers: {
    list: async ({ all }: { all: boolean }) => [
      { Names: ["/web", "/other/web"] },
      ...(all ? [{ Names: ["/old"] }] : []),
    ],
  },
  images: { list: async () => [{ RepoTags: ["busybox:latest", "<none>:<none>"] }] },
};

const cli = new Cli({
  output: { print: () => {}, warn: () => {} },
  globals: {
    host: undefined,
    context: undefined,
    configDirectory: "/nonexistent",
    debug: false,
    tls: undefined,
  },
  env: { HOME: "/root" },
  connect: async () => engine as never,
});

async function candidates(line: string): Promise<string[]> {
  const completed = await complete(cli, line.split(" "));
  return [...completed.candidates.map(({ text }) => text), ...(completed.files ? [":files"] : [])];
}

test("commands, groups and their commands are completed", async () => {
  expect(await candidates("lo")).toEqual(["load", "login", "logout", "logs"]);
  expect(await candidates("container r")).toEqual(["rename", "restart", "rm", "run"]);
  expect(await candidates("-H x --debug pau")).toEqual(["pause"]);
  expect(await candidates("nosuch ")).toEqual([]);
  expect(await candidates("__c")).toEqual([]);
});

test("names come from the engine, each where it fits", async () => {
  expect(await candidates("stop ")).toEqual(["web"]);
  expect(await candidates("stop web ")).toEqual([]);
  expect(await candidates("rm -f ")).toEqual(["web", "old"]);
  expect(await candidates("run -it bu")).toEqual(["busybox", "busybox:latest"]);
  expect(await candidates("run busybox ")).toEqual([]);
});

test("flags and their values are completed", async () => {
  expect(await candidates("run --health-o")).toEqual(["--health-on-failure"]);
  expect(await candidates("run --health-on-failure ")).toEqual(["none", "kill", "restart", "stop"]);
  expect(await candidates("run --health-on-failure=k")).toEqual(["--health-on-failure=kill"]);
  expect(await candidates("kill -s HU")).toEqual(["HUP"]);
  expect(await candidates("exec -e HO")).toEqual(["HOME"]);
  expect(await candidates("run --env-file ")).toEqual([":files"]);
  expect(await candidates("exec web -")).toEqual([]);
});

test("every shell has a script that asks the hidden command", () => {
  for (const shell of SHELLS) expect(completionScript(shell)).toContain("__complete --");
});
