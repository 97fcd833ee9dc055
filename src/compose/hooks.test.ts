import { expect, test } from "bun:test";
import { type OutputChunk, STDERR, STDOUT } from "../lib/index.ts";
import { Engine } from "../sdk/index.ts";
import type { ExecConfig } from "../wire/index.ts";
import { applicationOf } from "./create/testing.ts";
import { runHooks } from "./hooks.ts";
import type { ServiceContainer } from "./state/index.ts";

const CONTAINER = { id: "id", name: "shop-web-1", service: "web" } as ServiceContainer;

/** An engine whose commands print this and end so. */
function engineSaying(output: readonly OutputChunk[], ExitCode: number) {
  const engine = new Engine("unix:///nowhere.sock", { apiVersion: "1.51" });
  const configs: ExecConfig[] = [];
  Object.assign(engine.execs, {
    create: async (_: string, config: ExecConfig) => `exec-${configs.push(config)}`,
    start: async () => ({
      output: (async function* () {
        yield* output;
      })(),
      [Symbol.dispose]() {},
    }),
    inspect: async () => ({ ExitCode }),
  });
  return { engine, configs };
}

const out = (text: string): OutputChunk => ({ stream: STDOUT, bytes: Buffer.from(text) });
const err = (text: string): OutputChunk => ({ stream: STDERR, bytes: Buffer.from(text) });
const yaml = `services: { web: { image: w, post_start: [
  { command: [a, b], user: "5", privileged: true, working_dir: /w, environment: { SAID: x, OUTSIDE: , NOWHERE: } },
  { command: second } ] } }`;

function app(engine: Engine) {
  const application = applicationOf(yaml, { engine, environment: { OUTSIDE: "o" } });
  return { application, hooks: application.project.services["web"]!.post_start };
}

test("commands run one after another, each as it says, and what they print is passed on", async () => {
  const { engine, configs } = engineSaying([out("one "), err("two")], 0);
  const { application, hooks } = app(engine);
  let heard = "";
  await runHooks(application, CONTAINER, hooks, (container, chunk) => {
    heard += `${container.name}:${Buffer.from(chunk)};`;
  });
  expect(configs).toEqual([
    {
      Cmd: ["a", "b"],
      User: "5",
      Privileged: true,
      WorkingDir: "/w",
      Env: ["SAID=x", "OUTSIDE=o"],
      AttachStdout: true,
      AttachStderr: true,
    },
    { Cmd: ["second"], Env: [], AttachStdout: true, AttachStderr: true },
  ]);
  expect(heard).toBe("shop-web-1:one ;shop-web-1:two;shop-web-1:one ;shop-web-1:two;");
});

test("the first that fails ends it, and tells the last of what went wrong", async () => {
  const progress = Array.from({ length: 5000 }, (_, index) => out(`line ${index}\n`));
  const { engine, configs } = engineSaying([...progress, err("10%\r50%\rdisk full\r\n")], 3);
  const { application, hooks } = app(engine);
  await expect(runHooks(application, CONTAINER, hooks)).rejects.toThrow(
    /^web hook exited with status 3: disk full$/,
  );
  expect(configs).toHaveLength(1);
});

test("where nothing went to the error output, the other's last lines are told", async () => {
  const { engine } = engineSaying([out("x".repeat(5000)), out("\nlast\n")], 1);
  const { application, hooks } = app(engine);
  const error = await runHooks(application, CONTAINER, hooks).catch((thrown: Error) => thrown.message);
  expect(error).toEndWith("xxx\nlast");
  expect(error?.length).toBeLessThan(2200);
});

test("a dry run runs none", async () => {
  const { engine, configs } = engineSaying([], 1);
  const { application, hooks } = app(engine);
  await runHooks({ ...application, dryRun: true }, CONTAINER, hooks);
  expect(configs).toEqual([]);
});
