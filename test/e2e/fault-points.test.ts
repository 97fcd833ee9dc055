// The daemon dies between any two durable steps of create, start, stop or remove: the next start repairs it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FAULT_POINTS } from "../../src/containers/index.ts";
import { AGAINST_DOCKER, IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { leftovers } from "../support/leftovers.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

const NAME = "faulty";
const VOLUME = "kept";
const SERVE = "trap 'exit 0' TERM; echo here >/www/index.html; httpd -f -h /www & wait";

/** What `GET /containers/{id}/json` may say of the container after the repair: as before, or as after. */
const REPAIRED: Readonly<Record<string, readonly string[]>> = {
  create: ["absent", "created"],
  start: ["created", "running", "exited"],
  stop: ["running", "exited"],
  remove: ["absent", "exited"],
  "remove by force": ["absent", "running"],
};

/** What is done before the operation that reaches the fault point. */
const PREPARATIONS: Readonly<Record<string, readonly string[]>> = {
  create: [],
  start: ["create"],
  stop: ["create", "start"],
  remove: ["create", "start", "stop"],
  "remove by force": ["create", "start"],
};

let engine: TestEngine;
let port: number;

/** A port that nothing listens on now. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const found = listener.port;
  listener.stop(true);
  return found;
}

const create = () =>
  engine.api("POST", `/containers/create?name=${NAME}`, {
    Image: IMAGE,
    Cmd: ["sh", "-c", SERVE],
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/anonymous": {} },
    HostConfig: {
      Binds: [`${VOLUME}:/kept`],
      PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: `${port}` }] },
    },
  });

const operations: Readonly<Record<string, () => Promise<Response>>> = {
  create,
  start: () => engine.api("POST", `/containers/${NAME}/start`),
  stop: () => engine.api("POST", `/containers/${NAME}/stop`),
  remove: () => engine.api("DELETE", `/containers/${NAME}?v=1`),
  "remove by force": () => engine.api("DELETE", `/containers/${NAME}?v=1&force=1`),
};

/** Each point with the operation that reaches it; only a removal by force has to decide to end the container. */
const CASES = FAULT_POINTS.flatMap((point): [point: string, operation: string][] => {
  const operation = point.slice(0, point.indexOf(":"));
  if (point === "remove:decided") return [[point, "remove by force"]];
  if (operation !== "remove") return [[point, operation]];
  return [
    [point, operation],
    [point, "remove by force"],
  ];
});

async function succeed(operation: string): Promise<void> {
  const response = await operations[operation]!();
  const text = await response.text();
  expect({ operation, ok: response.ok || response.status === 304, text }).toMatchObject({ ok: true });
}

async function status(): Promise<string> {
  const response = await engine.api("GET", `/containers/${NAME}/json`);
  const body = (await response.json()) as { State?: { Status: string } };
  return response.status === 404 ? "absent" : (body.State?.Status ?? `status ${response.status}`);
}

/** How often the container's end was told, of all that are kept. */
async function deaths(): Promise<number> {
  const { Id } = (await (await engine.api("GET", `/containers/${NAME}/json`)).json()) as { Id: string };
  const filters = encodeURIComponent(JSON.stringify({ container: [Id], event: ["die"] }));
  const response = await engine.api("GET", `/events?since=0&until=${Date.now() / 1000}&filters=${filters}`);
  return (await response.text()).split("\n").filter((line) => line !== "").length;
}

const page = async () => {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } catch {
    return "nothing";
  }
};

async function expectNothingLeft(): Promise<void> {
  expect(await leftovers(`${join(engine.root, "exec")}/`)).toEqual([]);
  const volumes = (await (await engine.api("GET", "/volumes")).json()) as { Volumes: { Name: string }[] };
  expect(volumes.Volumes.map(({ Name }) => Name)).toEqual([VOLUME]);
  const below = (path: string) => readdirSync(join(engine.root, path));
  await eventually(async () => below("data/containers"), []);
  await eventually(async () => below("exec/containers"), []);
  await eventually(async () => below("data/snapshots/writable"), []);
}

describe.skipIf(AGAINST_DOCKER)("the daemon dies at", () => {
  beforeAll(async () => {
    engine = await startEngine();
    port = freePort();
    await engine.api("POST", "/volumes/create", { Name: VOLUME });
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  test.each(CASES)("%s, on the way of %s", async (point, operation) => {
    await engine.stop();
    await engine.start({ env: { BERTH_FAULT_POINT: point } });
    for (const before of PREPARATIONS[operation]!) {
      await succeed(before);
      if (before === "start") await eventually(page, "here\n");
    }
    const answer = await operations[operation]!().then(
      (response) => response.status,
      () => "cut off",
    );
    expect(answer).toBe("cut off");
    await engine.ended();
    expect(engine.log()).toContain(`fault point ${point}`);

    await engine.start();
    expect(REPAIRED[operation]).toContain(await status());
    if (operation === "stop" && (await status()) === "exited") expect(await deaths()).toBe(1);

    if ((await status()) === "absent") await succeed("create");
    await succeed("start");
    await eventually(page, "here\n");
    await succeed("stop");
    expect(await status()).toBe("exited");
    expect(await page()).toBe("nothing");
    await succeed("remove");
    expect(await status()).toBe("absent");
    await expectNothingLeft();
  });
});
