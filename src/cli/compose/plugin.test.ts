import { expect, test } from "bun:test";
import { type CommandLine, calledAsPlugin } from "./plugin.ts";

const NOWHERE = { HOME: "/nonexistent" };
const DOCKER = "unix:///var/run/docker.sock";
const called = async (argv: string[], env: Record<string, string> = NOWHERE) =>
  (await calledAsPlugin(argv, env)) as CommandLine;

test("Docker's client is told what the plugin is", async () => {
  const text = (await calledAsPlugin(["docker-cli-plugin-metadata"], NOWHERE)) as string;
  expect(JSON.parse(text)).toMatchObject({ SchemaVersion: "0.1.0", Vendor: "berth" });
});

test("its command line is taken as it is", async () => {
  expect((await called(["compose", "up", "-d"])).argv).toEqual(["compose", "up", "-d"]);
  const env = { ...NOWHERE, DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: "docker" };
  expect((await called(["-H", "tcp://x", "compose", "ps"], env)).argv).toEqual([
    "-H",
    "tcp://x",
    "compose",
    "ps",
  ]);
});

test("people leave `compose` out, and may say first which engine they mean", async () => {
  expect((await called(["up", "-d"])).argv).toEqual(["compose", "up", "-d"]);
  expect((await called(["-f", "x.yaml", "-p", "shop", "ps"])).argv).toEqual([
    "compose",
    "-f",
    "x.yaml",
    "-p",
    "shop",
    "ps",
  ]);
  expect((await called(["-H", "tcp://x", "--tls", "--context=lab", "-f", "x.yaml", "ps"])).argv).toEqual([
    "-H",
    "tcp://x",
    "--tls",
    "--context=lab",
    "compose",
    "-f",
    "x.yaml",
    "ps",
  ]);
});

test("it works on Docker's engine unless another is named, whatever berth's own variable says", async () => {
  expect((await called(["ls"], { ...NOWHERE, BERTH_HOST: "tcp://berth" })).env).toEqual({
    ...NOWHERE,
    DOCKER_HOST: DOCKER,
  });
  expect((await called(["ls"], { ...NOWHERE, DOCKER_HOST: "tcp://x" })).env["DOCKER_HOST"]).toBe("tcp://x");
  expect((await called(["ls"], { ...NOWHERE, DOCKER_CONTEXT: "lab" })).env["DOCKER_HOST"]).toBeUndefined();
  expect((await called(["-H", "tcp://x", "ls"])).env["DOCKER_HOST"]).toBeUndefined();
  expect((await called(["-c", "lab", "ls"])).env["DOCKER_HOST"]).toBeUndefined();
});
