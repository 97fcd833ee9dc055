import { expect, test } from "bun:test";
import type { ContainerSummary } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import { ATTRIBUTES_LABEL, LABEL } from "../labels.ts";
import { loadProject, serviceHash } from "../project/index.ts";
import { serviceContainer } from "../state/container.ts";
import { attributesOf } from "./attributes.ts";
import { chosenProject } from "./choose.ts";
import { type ContainersInput, planContainers, restartingWith } from "./containers.ts";
import { olderHashes } from "./older-hash.ts";
import { type RecreateChoice, recreatePolicy } from "./policy.ts";
import { resolveIfThere } from "./resolve.ts";

const IMAGE = "sha256:image";

function project(services: string, more = "") {
  const text = `name: shop\nservices:\n${services.trim().replace(/^/gm, "  ")}\n${more}`;
  return loadProject({
    files: ["/app/compose.yaml"],
    directory: "/app",
    environment: {},
    reading: { read: () => text, has: (path) => path.endsWith("compose.yaml"), readStdin: () => "" },
  });
}

interface Existing {
  readonly service: string;
  readonly number?: number;
  readonly id?: string;
  readonly name?: string;
  readonly state?: string;
  readonly image?: string;
  readonly created?: number;
  readonly labels?: Record<string, string>;
  readonly networks?: readonly string[];
  readonly mounts?: readonly string[];
}

/** A container as it stands on an engine: made from the file `services`, unless its labels say otherwise. */
function container(services: string, one: Existing) {
  const { service, number = 1, id = `${service}${number}`, name = `shop-${service}-${number}` } = one;
  const { services: all } = project(services);
  const own: NamedService = { ...(all[service] ?? {}), name: service };
  const labels = {
    [LABEL.project]: "shop",
    [LABEL.service]: service,
    [LABEL.containerNumber]: String(number),
    [LABEL.oneoff]: "False",
    [LABEL.configHash]: serviceHash(own),
    [LABEL.image]: one.image ?? IMAGE,
    [ATTRIBUTES_LABEL]: attributesOf(own),
    ...one.labels,
  };
  return serviceContainer({
    Id: id,
    Names: [`/${name}`],
    State: one.state ?? "running",
    Status: "",
    Created: one.created ?? 0,
    Labels: labels,
    NetworkSettings: {
      Networks: Object.fromEntries((one.networks ?? ["default-id"]).map((net) => [net, { NetworkID: net }])),
    },
    Mounts: (one.mounts ?? []).map((Name) => ({ Type: "volume", Name })),
  } as unknown as ContainerSummary);
}

interface Case {
  /** What the file says now; what containers were made from where `before` is not said. */
  readonly now: string;
  readonly before?: string;
  readonly more?: string;
  readonly there?: readonly Existing[];
  readonly choice?: RecreateChoice & { readonly scale?: Record<string, number>; readonly noDeps?: boolean };
  readonly input?: Partial<ContainersInput>;
}

function planned({ now, before = now, more = "", there = [], choice = {}, input = {} }: Case) {
  const containers = there.map((one) => container(before, one));
  return planContainers({
    project: chosenProject(project(now, more), choice),
    containers,
    imageDigests: new Map(Object.keys(project(now, more).services).map((name) => [name, IMAGE])),
    networkIds: new Map([["default", "default-id"]]),
    volumeNames: new Map(),
    policyOf: recreatePolicy(choice),
    resolve: resolveIfThere((name) => containers.filter(({ service }) => service === name)),
    hashOf: serviceHash,
    ...input,
  });
}

/** The steps as words: `web: keep web1, create 2`. */
function told(one: Case): string[] {
  return planned(one).services.map(({ service, steps }) => {
    const words = steps.map((step) => {
      if (step.kind === "create") return `create ${step.number}`;
      const rename = step.kind === "keep" && step.rename !== undefined ? ` as ${step.rename}` : "";
      return `${step.kind} ${step.container.id}${rename}`;
    });
    return `${service.name}: ${words.join(", ")}`.trim();
  });
}

const WEB = "web: { image: web }";
const TWO = "web: { image: web, depends_on: [db] }\ndb: { image: db }";

const CASES: readonly (Case & { readonly name: string; readonly steps: readonly string[] })[] = [
  { name: "nothing is there: made", now: WEB, steps: ["web: create 1"] },
  { name: "it is as it should be: kept", now: WEB, there: [{ service: "web" }], steps: ["web: keep web1"] },
  {
    name: "it has ended: kept, to be started",
    now: WEB,
    there: [{ service: "web", state: "exited" }],
    steps: ["web: keep web1"],
  },
  {
    name: "another configuration",
    now: WEB,
    before: "web: { image: web, tty: true }",
    there: [{ service: "web" }],
    steps: ["web: recreate web1"],
  },
  {
    name: "how it is built, scaled and depended on is no configuration",
    now: "web: { image: web, build: ., scale: 1, profiles: [], depends_on: [db] }\ndb: { image: db }",
    before: "web: { image: web }\ndb: { image: db }",
    there: [{ service: "web" }, { service: "db" }],
    steps: ["db: keep db1", "web: keep web1"],
  },
  {
    name: "another image under the same name",
    now: WEB,
    there: [{ service: "web", image: "sha256:old" }],
    steps: ["web: recreate web1"],
  },
  {
    name: "an image that is not known yet",
    now: WEB,
    there: [{ service: "web", image: "sha256:old" }],
    input: { imageDigests: new Map() },
    steps: ["web: keep web1"],
  },
  { name: "dependencies come first", now: TWO, steps: ["db: create 1", "web: create 1"] },
  {
    name: "a dependency that changes takes nobody with it",
    now: TWO,
    before: TWO.replace("image: db }", "image: db, tty: true }"),
    there: [{ service: "db" }, { service: "web" }],
    steps: ["db: recreate db1", "web: keep web1"],
  },
  {
    name: "forced",
    now: TWO,
    there: [{ service: "db" }, { service: "web" }],
    choice: { forceRecreate: true },
    steps: ["db: recreate db1", "web: recreate web1"],
  },
  {
    name: "forced for those named only",
    now: TWO,
    there: [{ service: "db" }, { service: "web" }],
    choice: { services: ["web"], forceRecreate: true },
    steps: ["db: keep db1", "web: recreate web1"],
  },
  {
    name: "forced for dependencies only",
    now: TWO,
    there: [{ service: "db" }, { service: "web" }],
    choice: { services: ["web"], alwaysRecreateDeps: true },
    steps: ["db: recreate db1", "web: keep web1"],
  },
  {
    name: "never",
    now: TWO,
    before: "web: { image: old }\ndb: { image: old }",
    there: [{ service: "db" }, { service: "web" }],
    choice: { noRecreate: true },
    steps: ["db: keep db1", "web: keep web1"],
  },
  {
    name: "new anonymous volumes need new containers",
    now: TWO,
    there: [{ service: "db" }, { service: "web" }],
    choice: { services: ["web"], renewAnonVolumes: true },
    steps: ["db: keep db1", "web: recreate web1"],
  },
  {
    name: "without dependencies",
    now: TWO,
    choice: { services: ["web"], noDeps: true },
    steps: ["web: create 1"],
  },
  {
    name: "scaled up: the next number",
    now: "web: { image: web, scale: 3 }",
    there: [{ service: "web", number: 2 }],
    steps: ["web: keep web2, create 3, create 4"],
  },
  {
    name: "scaled down: the highest numbers go",
    now: WEB,
    there: [{ service: "web" }, { service: "web", number: 2 }, { service: "web", number: 3 }],
    steps: ["web: keep web1, remove web2, remove web3"],
  },
  {
    name: "scaled down: what would change goes first",
    now: WEB,
    there: [
      { service: "web", image: "sha256:old" },
      { service: "web", number: 2 },
    ],
    steps: ["web: keep web2, remove web1"],
  },
  {
    name: "scaled to none",
    now: "web: { image: web, scale: 0 }",
    there: [{ service: "web" }],
    steps: ["web: remove web1"],
  },
  {
    name: "replicas count, and --scale before them",
    now: "web: { image: web, deploy: { replicas: 2 } }",
    choice: { scale: { web: 3 } },
    steps: ["web: create 1, create 2, create 3"],
  },
  {
    name: "an `up` that ended before it gave the name",
    now: WEB,
    there: [
      { service: "web", id: "old", created: 1, image: "sha256:old" },
      {
        service: "web",
        id: "new",
        created: 2,
        name: "0123456789ab_shop-web-1",
        labels: { [LABEL.replace]: "web-1" },
        state: "created",
      },
    ],
    steps: ["web: keep new as shop-web-1, remove old"],
  },
  {
    name: "who lives in another's network goes with it",
    now: "a: { image: a, network_mode: 'service:b' }\nb: { image: b, tty: true }",
    before: "a: { image: a, network_mode: 'service:b' }\nb: { image: b }",
    there: [{ service: "b" }, { service: "a" }],
    choice: { services: ["a"] },
    steps: ["b: recreate b1", "a: recreate a1"],
  },
  {
    name: "who has another's volumes goes with it",
    now: "a: { image: a, volumes_from: [b] }\nb: { image: b, tty: true }",
    before: "a: { image: a, volumes_from: [b] }\nb: { image: b }",
    there: [{ service: "b" }, { service: "a" }],
    steps: ["b: recreate b1", "a: recreate a1"],
  },
  {
    name: "a running container is not on its network",
    now: WEB,
    there: [{ service: "web", networks: ["old-id"] }],
    steps: ["web: recreate web1"],
  },
  {
    name: "a stopped container is on none",
    now: WEB,
    there: [{ service: "web", networks: [], state: "exited" }],
    steps: ["web: keep web1"],
  },
  {
    name: "its network has another name now",
    now: WEB,
    there: [{ service: "web" }],
    input: { cutOff: new Set(["web1"]) },
    choice: { noRecreate: true },
    steps: ["web: recreate web1"],
  },
  {
    name: "its volume has another name now",
    now: "web: { image: web, volumes: ['data:/d'] }",
    more: "volumes: { data: }",
    before: "web: { image: web, volumes: ['data:/d'] }\nvolumes: { data: }",
    there: [],
    input: { volumeNames: new Map([["data", "new"]]) },
    steps: ["web: create 1"],
  },
  {
    name: "its containers went with a volume",
    now: "a: { image: a, pid: 'service:b' }\nb: { image: b }",
    there: [{ service: "a" }],
    input: { gone: new Set(["b"]) },
    steps: ["b: create 1", "a: recreate a1"],
  },
  {
    name: "a name of its own",
    now: "web: { image: web, container_name: mine }",
    there: [{ service: "web", name: "mine" }],
    steps: ["web: keep web1"],
  },
];

for (const { name, steps, ...one } of CASES) test(name, () => expect(told(one)).toEqual([...steps]));

test("a volume that is not mounted makes a container anew", () => {
  const services = "web: { image: web, volumes: ['data:/d'] }";
  const more = "volumes: { data: }";
  const own: NamedService = { ...project(services, more).services["web"]!, name: "web" };
  const labels = { [LABEL.configHash]: serviceHash(own) };
  const volumeNames = new Map([["data", "shop_data"]]);
  const steps = (mounts: readonly string[]) =>
    told({
      now: services,
      before: WEB,
      more,
      there: [{ service: "web", mounts, labels }],
      input: { volumeNames },
    });
  expect(steps(["shop_data"])).toEqual(["web: keep web1"]);
  expect(steps(["older"])).toEqual(["web: recreate web1"]);
});

test("a container that Docker Compose 2 has made is as it should be", () => {
  const now = "web: { image: web, volumes: ['/a:/b'] }";
  const own: NamedService = { ...project(now).services["web"]!, name: "web" };
  const [older = ""] = olderHashes(own);
  const there = [{ service: "web", labels: { [LABEL.configHash]: older } }];
  expect(told({ now, there, input: { olderHashesOf: olderHashes } })).toEqual(["web: keep web1"]);
  expect(told({ now, there })).toEqual(["web: recreate web1"]);
});

test("reasons name what changed, and no secrets", () => {
  const before =
    "web: { image: web:1, environment: { KEY: hunter2, LEVEL: a }, ports: ['80:80'], command: x }";
  const now =
    "web: { image: web:2, environment: { KEY: hunter3, NEW: b }, ports: ['80:80', '81:81'], command: y, tty: true }";
  const [service] = planned({ now, before, there: [{ service: "web", image: "sha256:old" }] }).services;
  const [step] = service!.steps;
  if (step?.kind !== "recreate") throw new Error("not made anew");
  expect(step.why.map(({ text }) => text)).toEqual(["configuration changed", "image changed"]);
  expect(step.why[0]!.changes).toEqual([
    { attribute: "command", kind: "changed" },
    { attribute: "environment.KEY", kind: "changed" },
    { attribute: "environment.LEVEL", kind: "removed" },
    { attribute: "environment.NEW", kind: "added" },
    { attribute: "image", kind: "changed", old: "web:1", new: "web:2" },
    { attribute: "ports", kind: "added", new: "81:81/tcp" },
    { attribute: "tty", kind: "added", new: "true" },
  ]);
  expect(JSON.stringify(step.why)).not.toContain("hunter");
  expect(container(before, { service: "web" }).labels[ATTRIBUTES_LABEL]).not.toContain("hunter");
});

test("orphans are containers of services that are gone, and what `run` has left behind", () => {
  const oneOff = { [LABEL.oneoff]: "True" };
  const { orphans } = planned({
    now: `${WEB}\nlater: { image: later, profiles: [x] }`,
    there: [
      { service: "web" },
      { service: "gone" },
      { service: "later" },
      { service: "web", id: "run", labels: oneOff },
      { service: "web", id: "ran", labels: oneOff, state: "exited" },
    ],
  });
  expect(orphans.map(({ id }) => id)).toEqual(["gone1", "ran"]);
});

test("those that restart with a service are known", () => {
  const services =
    "a: { image: a, depends_on: { b: { condition: service_started, restart: true } } }\nc: { image: c, depends_on: [b] }\nb: { image: b }";
  const before = services.replace("b: { image: b }", "b: { image: old }");
  const there = [{ service: "a" }, { service: "b" }, { service: "c" }];
  const names = (list: readonly Existing[]) =>
    restartingWith(planned({ now: services, before, there: list })).map(
      ({ container: { id }, because }) => `${id} ${because}`,
    );
  expect(names(there)).toEqual(["a1 b"]);
  expect(names([{ service: "a", state: "exited" }, { service: "b" }])).toEqual([]);
});

test("several containers cannot have one name, and services that are not there cannot be chosen", () => {
  const named = { now: "web: { image: web, container_name: mine }", choice: { scale: { web: 2 } } };
  expect(() => told(named)).toThrow('The "web" service is using the custom container name "mine"');
  expect(() => told({ now: WEB, choice: { services: ["wep"] } })).toThrow("no such service: wep");
  expect(() => told({ now: WEB, choice: { scale: { wep: 2 } } })).toThrow("no such service: wep");
});

test("a thousand services in one chain are planned", () => {
  const services = Array.from({ length: 1000 }, (_, index) =>
    index === 0 ? "s0: { image: x }" : `s${index}: { image: x, depends_on: [s${index - 1}] }`,
  ).join("\n");
  const steps = told({ now: services });
  expect(steps).toHaveLength(1000);
  expect(steps[999]).toBe("s999: create 1");
});
