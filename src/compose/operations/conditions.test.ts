import { expect, test } from "bun:test";
import { notFound } from "../../lib/index.ts";
import type { ContainerInspect } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import type { ServiceContainer } from "../state/index.ts";
import { type Condition, ConditionWatch } from "./conditions.ts";

const DB = { id: "db", name: "shop-db-1" } as ServiceContainer;
const LONG_AGO = "2020-01-01T00:00:00Z";

type State = Partial<ContainerInspect["State"]>;

/** An engine with one container whose state and events a test makes. */
function engine(first: State, test?: string[]) {
  let state = first;
  let inspected = 0;
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const lines: string[] = [];
  const say = (Action: string, ID = "db") => {
    lines.push(JSON.stringify({ Type: "container", Action, Actor: { ID } }));
    wake.resolve();
  };
  const system = {
    eventLines: async () =>
      (async function* () {
        while (!ended || lines.length > 0) {
          const line = lines.shift();
          if (line !== undefined) yield line;
          else {
            wake = Promise.withResolvers();
            await wake.promise;
          }
        }
      })(),
  };
  const containers = {
    inspect: async () => {
      inspected++;
      const Config = test === undefined ? {} : { Healthcheck: { Test: test } };
      return { Id: "db", Name: "/shop-db-1", State: { StartedAt: LONG_AGO, ...state }, Config };
    },
  };
  const app = { engine: { system, containers }, project: { name: "shop" } } as unknown as Application;
  const become = (next: State, action: string) => {
    state = next;
    say(action);
  };
  const end = () => {
    ended = true;
    wake.resolve();
  };
  return { app, become, say, end, inspected: () => inspected };
}

async function waiting(fake: ReturnType<typeof engine>, condition: Condition) {
  const watch = await ConditionWatch.open(fake.app);
  const details: string[] = [];
  const { signal } = new AbortController();
  const result = watch.until([DB], condition, signal, (_, detail) => details.push(detail));
  result.catch(() => {});
  await Bun.sleep(0);
  return { watch, result, details };
}

const CHECK = ["CMD", "true"];
const health = (Status: string, Log: object[] = []): State =>
  ({ Status: "running", Health: { Status, FailingStreak: 0, Log } }) as State;

test("a container is looked at only when something has happened to it", async () => {
  const fake = engine(health("starting"), CHECK);
  const { result, details } = await waiting(fake, "service_healthy");
  fake.say("exec_create: true");
  fake.say("start", "another");
  await Bun.sleep(0);
  expect(fake.inspected()).toBe(1);
  fake.become(
    health("starting", [{ ExitCode: 1, Output: "connection\u001b[2J refused\nat 5432" }]),
    "exec_die",
  );
  await Bun.sleep(0);
  expect(details).toEqual(["last check exited with 1: connection [2J refused"]);
  fake.become(health("healthy"), "health_status: healthy");
  await result;
  expect(fake.inspected()).toBe(3);
});

test("those that wait for the same look once", async () => {
  const fake = engine(health("starting"), CHECK);
  const { watch, result } = await waiting(fake, "service_healthy");
  const other = watch.until([DB], "service_healthy", new AbortController().signal, () => {});
  expect(fake.inspected()).toBe(1);
  fake.become(health("healthy"), "health_status: healthy");
  await Promise.all([result, other]);
});

const FAILURES: readonly [string, State, Condition, string[] | undefined, string][] = [
  ["unhealthy", health("unhealthy"), "service_healthy", CHECK, "container shop-db-1 is unhealthy"],
  ["ended", { Status: "exited", ExitCode: 1 }, "service_healthy", CHECK, "container shop-db-1 exited (1)"],
  [
    "unchecked",
    { Status: "running" },
    "service_healthy",
    undefined,
    "container shop-db-1 has no healthcheck configured",
  ],
  [
    "ended while it should run",
    { Status: "exited", ExitCode: 0 },
    "running_or_healthy",
    undefined,
    "container shop-db-1 exited (0)",
  ],
  [
    "a job that fails",
    { Status: "exited", ExitCode: 3 },
    "service_completed_successfully",
    undefined,
    "container shop-db-1 exited (3)",
  ],
];
for (const [name, state, condition, check, message] of FAILURES) {
  test(`a condition that cannot be fulfilled any more: ${name}`, async () => {
    const { result } = await waiting(engine(state, check), condition);
    await expect(result).rejects.toThrow(message);
  });
}

test("what has just been started has to run for a moment", async () => {
  const now = () => new Date().toISOString();
  const dying = engine({ Status: "running", StartedAt: now() });
  const { result } = await waiting(dying, "running_or_healthy");
  dying.become({ Status: "exited", ExitCode: 2, StartedAt: now() }, "die");
  await expect(result).rejects.toThrow("container shop-db-1 exited (2)");
  const staying = await waiting(engine({ Status: "running", StartedAt: now() }), "running_or_healthy");
  await staying.result;
  const old = engine({ Status: "running" });
  await (await waiting(old, "running_or_healthy")).result;
  expect(old.inspected()).toBe(1);
});

test("a job is done when it has succeeded", async () => {
  const fake = engine({ Status: "running" });
  const { result } = await waiting(fake, "service_completed_successfully");
  fake.become({ Status: "exited", ExitCode: 0 }, "die");
  await result;
});

test("nobody waits for events that will not come", async () => {
  const fake = engine(health("starting"), CHECK);
  const { result } = await waiting(fake, "service_healthy");
  fake.end();
  await expect(result).rejects.toThrow("the engine ended its stream of events");
});

test("a container that somebody removes meanwhile is named", async () => {
  const { app, become } = engine({ Status: "running", Health: { Status: "starting" } as never }, [
    "CMD",
    "true",
  ]);
  await using watch = await ConditionWatch.open(app);
  const wait = watch.until([DB], "service_healthy", new AbortController().signal, () => {});
  app.engine.containers.inspect = async () => {
    throw notFound("No such container: db");
  };
  become({}, "destroy");
  await expect(wait).rejects.toThrow("container shop-db-1 was removed");
});
