import { expect, test } from "bun:test";
import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL } from "../labels.ts";
import { findCycle } from "../project/index.ts";
import { parseDependsOn, serviceContainer } from "./container.ts";
import { projectFromState } from "./project-from-state.ts";
import { readState } from "./read-state.ts";

const summary = (labels: Record<string, string>, more: object = {}): ContainerSummary =>
  ({
    Id: "id",
    Names: ["/other/alias", "/shop-web-1"],
    Image: "web:1",
    State: "running",
    Status: "Up 2 minutes (healthy)",
    Labels: { [LABEL.configHash]: "h", [LABEL.service]: "web", [LABEL.containerNumber]: "1", ...labels },
    ...more,
  }) as unknown as ContainerSummary;

test("a container of a list is one of a service", () => {
  const one = serviceContainer(summary({ [LABEL.dependsOn]: "db:service_healthy:true,cache" }));
  expect(one).toMatchObject({
    name: "shop-web-1",
    service: "web",
    number: 1,
    oneOff: false,
    health: "healthy",
    hash: "h",
  });
  expect(one.dependsOn).toEqual([
    { service: "db", condition: "service_healthy", restart: true },
    { service: "cache", condition: "service_started", restart: true },
  ]);
  expect(parseDependsOn("")).toEqual([]);
  const status = (Status: string, State = "running") => serviceContainer(summary({}, { Status, State }));
  expect(status("Up 1 second (health: starting)").health).toBe("starting");
  expect(status("Up 1 second").health).toBeUndefined();
  expect(status("Exited (137) 2 hours ago", "exited").exitCode).toBe(137);
});

function engine(containers: readonly ContainerSummary[]): Engine & { calls: number } {
  const answer = (value: unknown) => ({
    list: async () => {
      fake.calls++;
      return value;
    },
  });
  const fake = {
    calls: 0,
    containers: answer(containers),
    networks: answer([{ Name: "shop_front", Labels: { [LABEL.network]: "front" } }]),
    volumes: answer({ Volumes: [{ Name: "v", Labels: { [LABEL.volume]: "data" } }] }),
  };
  return fake as unknown as Engine & { calls: number };
}

test("the state of a project is read with three calls", async () => {
  const hook = { ...summary({}), Labels: { [LABEL.hook]: "pre_start" } };
  const shop = engine([
    summary({ [LABEL.containerNumber]: "10" }, { Id: "ten" }),
    summary({ [LABEL.containerNumber]: "9" }, { Id: "nine" }),
    summary({ [LABEL.oneoff]: "True" }, { Id: "run" }),
    hook,
  ]);
  const state = await readState(shop, "shop");
  expect(shop.calls).toBe(3);
  expect(state.containers.map(({ id }) => id)).toEqual(["nine", "ten"]);
  expect(state.hookContainers).toHaveLength(1);
  expect((await readState(shop, "shop", { oneOff: true })).containers).toHaveLength(3);
});

test("a project is made again of what runs", async () => {
  const state = await readState(
    engine([
      summary({
        [LABEL.dependsOn]: "db:service_healthy:true,gone:service_started:false",
        [LABEL.workingDirectory]: "/app",
      }),
      summary({ [LABEL.containerNumber]: "2" }),
      summary({ [LABEL.service]: "db" }),
    ]),
    "shop",
  );
  const project = projectFromState("shop", state);
  expect(project.directory).toBe("/app");
  expect(Object.keys(project.services)).toEqual(["db", "web"]);
  expect(project.services["web"]!.scale).toBe(2);
  expect(project.services["web"]!.depends_on).toEqual({
    db: { condition: "service_healthy", restart: true, required: false },
  });
  expect(project.networks).toMatchObject({ front: { name: "shop_front" } });
  expect(project.volumes).toMatchObject({ data: { name: "v" } });
});

test("containers of different times that wait for one another can be stopped all the same", async () => {
  const needs = (service: string, other: string) =>
    summary({ [LABEL.service]: service, [LABEL.dependsOn]: `${other}:service_started:false` });
  const state = await readState(
    engine([needs("a", "b"), needs("b", "c"), needs("c", "a"), needs("d", "d")]),
    "shop",
  );
  expect(findCycle(projectFromState("shop", state).services)).toBeUndefined();
});
