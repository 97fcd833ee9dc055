import { expect, test } from "bun:test";
import { notFound } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL } from "../labels.ts";
import {
  canonicalName,
  entryOf,
  images,
  listProjects,
  projectEvents,
  serviceContainer,
  watchProject,
} from "./index.ts";

interface Made {
  readonly project?: string;
  readonly service?: string;
  readonly number?: number;
  readonly oneOff?: boolean;
}

function container(
  { project = "shop", service = "web", number = 1, oneOff = false }: Made,
  more: Partial<ContainerSummary> = {},
) {
  const name = `${project}-${service}-${number}`;
  return {
    Id: `id-${name}`,
    Names: [`/${name}`],
    Image: "busybox:test",
    ImageID: "sha256:1",
    State: "running",
    Status: "Up 2 minutes",
    Labels: {
      [LABEL.project]: project,
      [LABEL.service]: service,
      [LABEL.containerNumber]: String(number),
      [LABEL.oneoff]: oneOff ? "True" : "False",
      [LABEL.configFiles]: `/srv/${project}.yaml`,
    },
    ...more,
  } as unknown as ContainerSummary;
}

/** An engine that has these containers, and in which this happens. */
function engineWith(containers: readonly ContainerSummary[], more: object = {}): Engine {
  return { containers: { list: async () => containers }, ...more } as unknown as Engine;
}

test("health and exit code are read from the status", () => {
  expect(entryOf(container({}, { Status: "Up 2 minutes (healthy)" }))).toMatchObject({
    health: "healthy",
    exitCode: 0,
  });
  expect(entryOf(container({}, { Status: "Up 1 second (health: starting)" })).health).toBe("starting");
  expect(entryOf(container({})).health).toBe("");
  const ended = { State: "exited", Status: "Exited (137) 3 days ago" } as const;
  expect(entryOf(container({}, ended))).toMatchObject({ health: "", exitCode: 137 });
});

test("a name that a link gave is not the container's own", () => {
  expect(canonicalName(container({}, { Names: ["/other/web", "/shop-web-1"] }))).toBe("shop-web-1");
});

test("one container of a service: by number, and those of run last", async () => {
  const engine = engineWith([
    container({ number: 7, oneOff: true }),
    container({ number: 2 }),
    container({ service: "db" }),
  ]);
  const name = async (index?: number) =>
    canonicalName(
      await serviceContainer(engine, "shop", "web", { oneOff: "include", ...(index && { index }) }),
    );
  expect(await name()).toBe("shop-web-2");
  expect(await name(2)).toBe("shop-web-2");
  expect(name(3)).rejects.toThrow('service "web" is not running container #3');
  expect(serviceContainer(engine, "shop", "cache", {})).rejects.toThrow('service "cache" is not running');
});

test("projects: how many containers in which state, and from which files", async () => {
  const engine = engineWith([
    container({ project: "b" }),
    container({ project: "b", number: 2 }, { State: "exited" }),
    container({ project: "b", number: 3 }),
    container({ project: "a" }, { Labels: { [LABEL.project]: "a" } }),
  ]);
  expect(await listProjects(engine)).toEqual([
    { name: "a", status: "running(1)", configFiles: undefined },
    { name: "b", status: "exited(1), running(2)", configFiles: ["/srv/b.yaml"] },
  ]);
});

test("images: each looked at once, by the name that the container was made with; one that is gone is no failure", async () => {
  const asked: string[] = [];
  const inspect = async (id: string) => {
    asked.push(id);
    if (id === "sha256:2") throw notFound("No such image");
    return {
      Id: id,
      Os: "linux",
      Architecture: "arm64",
      Variant: "v8",
      Size: 5,
      RepoTags: ["x:1", "host:5000/busybox:test"],
    };
  };
  const engine = engineWith(
    [
      container({}, { Image: "host:5000/busybox:test" }),
      container({ number: 2 }),
      container({ number: 3 }, { ImageID: "sha256:2" }),
    ],
    { images: { inspect } },
  );
  const found = await images(engine, "shop", []);
  expect(found.map(({ repository, tag, platform }) => [repository, tag, platform])).toEqual([
    ["host:5000/busybox", "test", "linux/arm64/v8"],
    ["x", "1", "linux/arm64/v8"],
    ["", "", ""],
  ]);
  expect(asked.sort()).toEqual(["sha256:1", "sha256:2"]);
});

function eventLine(action: string, name: string, attributes: Record<string, string> = {}): string {
  const own = {
    name,
    [LABEL.project]: "shop",
    [LABEL.service]: "web",
    [LABEL.containerNumber]: "1",
    ...attributes,
  };
  return `{"Type":"container","Action":"${action}","Actor":{"ID":"id-${name}","Attributes":${JSON.stringify(own)}},"time":5,"timeNano":5000000001}`;
}

async function* lines(...all: string[]) {
  yield* all;
}

test("events: without those of run, and without Compose's own labels", async () => {
  const eventLines = async () =>
    lines(
      eventLine("start", "shop-web-1", { image: "x", "dev.berth.compose.attributes": "{}" }),
      eventLine("start", "shop-web-run-1", { [LABEL.oneoff]: "True" }),
      eventLine("start", "shop-db-1", { [LABEL.service]: "db" }),
    );
  const engine = { system: { eventLines } } as unknown as Engine;
  const found = [];
  for await (const event of projectEvents(engine, "shop", { services: ["web"] })) found.push(event);
  expect(found).toEqual([
    {
      time: 5_000_000_001n,
      service: "web",
      container: "id-shop-web-1",
      action: "start",
      attributes: { name: "shop-web-1", image: "x" },
    },
  ]);
});

test("a project is watched until all its containers have ended for good", async () => {
  const restarting = new Set(["id-shop-web-1"]);
  const happened = lines(
    eventLine("start", "shop-web-1"),
    eventLine("die", "shop-web-1", { exitCode: "3" }),
    eventLine("start", "shop-web-1"),
    eventLine("die", "shop-db-1", { [LABEL.service]: "db" }),
    eventLine("create", "shop-web-2", { [LABEL.containerNumber]: "2" }),
    eventLine("destroy", "shop-web-2", { [LABEL.containerNumber]: "2" }),
    eventLine("die", "shop-web-1", { exitCode: "0" }),
    eventLine("start", "shop-web-1"),
  );
  const engine = engineWith([container({}), container({ service: "db" })], {
    system: { eventLines: async () => happened },
  });
  Object.assign(engine.containers, {
    inspect: async (id: string) => ({ State: { Running: false, Restarting: restarting.delete(id) } }),
  });
  const signal = new AbortController().signal;
  const seen: unknown[] = [];
  for await (const event of await watchProject(engine, "shop", { services: ["web"], signal })) {
    const { kind, name, exitCode, restarting: again, time } = event;
    seen.push([kind, name, exitCode, again]);
    expect(time).toBe("5.000000001");
  }
  expect(seen).toEqual([
    ["started", "web-1", 0, false],
    ["exited", "web-1", 3, true],
    ["started", "web-1", 0, true],
    ["created", "web-2", 0, false],
    ["exited", "web-1", 0, false],
  ]);
});

test("who asks late whether a container comes back, and meets a later run's end, still tells of that run", async () => {
  const happened = lines(
    eventLine("die", "shop-web-1", { exitCode: "3" }),
    eventLine("start", "shop-web-1"),
    eventLine("die", "shop-web-1", { exitCode: "4" }),
  );
  const engine = engineWith([container({})], { system: { eventLines: async () => happened } });
  // The ends come five seconds after the epoch: the first answer is of a run that began later.
  const starts = ["1970-01-01T00:00:05.100Z", "1970-01-01T00:00:04.900Z"];
  Object.assign(engine.containers, {
    inspect: async () => ({ State: { Running: false, Restarting: false, StartedAt: starts.shift() } }),
  });
  const seen: unknown[] = [];
  for await (const { kind, exitCode, restarting } of await watchProject(engine, "shop", {
    signal: new AbortController().signal,
  })) {
    seen.push([kind, exitCode, restarting]);
  }
  expect(seen).toEqual([
    ["exited", 3, true],
    ["started", 0, true],
    ["exited", 4, false],
  ]);
});
