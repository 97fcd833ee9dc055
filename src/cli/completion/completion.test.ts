import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const cliWith = (configDirectory: string) =>
  new Cli({
    output: { print: () => {}, warn: () => {} },
    globals: {
      host: undefined,
      context: undefined,
      configDirectory,
      debug: false,
      tls: undefined,
    },
    env: { HOME: "/root" },
    connect: async () => engine as never,
  });

async function candidates(line: string, configDirectory = "/nonexistent"): Promise<string[]> {
  const completed = await complete(cliWith(configDirectory), line.split(" "));
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

test("plugins of Docker's client are commands, too; ours win", async () => {
  const config = mkdtempSync(join(tmpdir(), "berth-completion-"));
  try {
    mkdirSync(join(config, "cli-plugins"));
    for (const name of ["docker-zebra", "docker-zoo", "docker-ps"])
      writeFileSync(join(config, "cli-plugins", name), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(config, "cli-plugins/docker-zero"), "not a program", { mode: 0o644 });
    expect(await candidates("z", config)).toEqual(["zebra", "zoo"]);
    expect(await candidates("ps", config)).toEqual(["ps"]);
  } finally {
    rmSync(config, { recursive: true, force: true });
  }
});
