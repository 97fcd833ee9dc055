import { expect, test } from "bun:test";
import type { PlannedAction, Project } from "../../compose/index.ts";
import { attachChoice } from "./attached/attach-choice.ts";
import { planText } from "./attached/show-plan.ts";
import { colours } from "./colours.ts";
import { jsonOf, textOf } from "./commands/events.ts";
import { tableOf } from "./commands/top.ts";
import { renderVariables, variablesOf } from "./config/variables.ts";

test("a plan: a line an action, its reasons, what changes, and how many there are", () => {
  const actions: PlannedAction[] = [
    { kind: "createVolume", what: "Volume shop_data", why: [{ text: "not there yet" }] },
    {
      kind: "recreate",
      what: "Container shop-web-1",
      service: "web",
      why: [
        {
          text: "configuration changed",
          changes: [
            { attribute: "image", kind: "changed", old: "nginx:1", new: "nginx:2" },
            { attribute: "environment.KEY", kind: "changed" },
            { attribute: "ports", kind: "added", new: '["80:80"]' },
            { attribute: "user", kind: "removed", old: "\x1b[2Jroot" },
          ],
        },
      ],
    },
    { kind: "keep", what: "Container shop-db-1", service: "db", why: [{ text: "nothing has changed" }] },
  ];
  expect(planText({ actions }, colours.none)).toBe(
    `+ Volume shop_data: create (not there yet)
± Container shop-web-1: recreate (configuration changed)
    image: nginx:1 → nginx:2
    environment.KEY has changed
    ports: ["80:80"] is added
    user: \\x1b[2Jroot is removed
  Container shop-db-1: keep
1 to create, 1 to recreate; 1 stay as they are.
`,
  );
  expect(planText({ actions: actions.slice(2) }, colours.none)).toEndWith("Nothing to do.\n");
  expect(planText({ actions: actions.slice(0, 1) }, colours.ansi)).toStartWith("\x1b[32m+\x1b[0m Volume");
});

test("top: the columns of all containers, the command last", () => {
  const web = { service: "web", number: "1", titles: ["PID", "CMD"], processes: [["7", "sh"]] };
  const db = { service: "db", number: "2", titles: ["PID", "TTY", "CMD"], processes: [["9", "?", "sleep"]] };
  expect(tableOf([web, db])).toEqual([
    ["SERVICE", "#", "PID", "TTY", "CMD"],
    ["web", "1", "7", "-", "sh"],
    ["db", "2", "9", "?", "sleep"],
  ]);
  expect(tableOf([{ ...web, processes: [] }])).toEqual([]);
});

test("events: times with all their digits", () => {
  const event = {
    time: 1_714_559_400_123_456_789n,
    service: "web",
    container: "abc",
    action: "start",
    attributes: { name: "shop-web-1", image: "busybox" },
  };
  expect(textOf(event)).toBe(
    "2024-05-01 10:30:00.123456 container start abc (image=busybox, name=shop-web-1)",
  );
  expect(jsonOf(event)).toBe(
    '{"action":"start","attributes":{"image":"busybox","name":"shop-web-1"},"id":"abc","service":"web","time":"2024-05-01T10:30:00.123456789Z","type":"container"}',
  );
});

const EMPTY = {
  ...{ name: "shop", services: {}, disabled: {}, networks: {}, volumes: {} },
  ...{ secrets: {}, configs: {}, models: {}, extensions: {} },
} as unknown as Project;

test("config --variables: those inside defaults too", () => {
  const services = { web: { image: "${IMAGE:-${REGISTRY}/web}", command: ["$WHO", "$$HOME"] } };
  const volumes = { data: { name: "${NAME:?say it}" } };
  const found = variablesOf({ ...EMPTY, services, volumes } as unknown as Project);
  expect(found.map(({ name, defaultValue, required }) => [name, defaultValue, required])).toEqual([
    ["IMAGE", "${REGISTRY}/web", false],
    ["NAME", "", true],
    ["REGISTRY", "", false],
    ["WHO", "", false],
  ]);
  expect(renderVariables(found.slice(1, 2), "yaml")).toBe(
    'NAME:\n    name: NAME\n    defaultvalue: ""\n    presencevalue: ""\n    required: true\n',
  );
  expect(() => renderVariables([], "xml")).toThrow('format value "xml" could not be parsed');
});

test("up shows the output of the services named, but for those that keep to themselves", () => {
  const services = {
    web: { depends_on: { db: { condition: "service_started" } } },
    db: {},
    noise: { attach: false },
  };
  const project = { ...EMPTY, services } as unknown as Project;
  const choose = (named: string[], flags: Partial<Parameters<typeof attachChoice>[2]> = {}) => [
    ...attachChoice(project, named, { attach: [], "attach-dependencies": false, "no-attach": [], ...flags }),
  ];
  expect(choose([])).toEqual(["web", "db"]);
  expect(choose(["web"])).toEqual(["web"]);
  expect(choose(["web"], { "attach-dependencies": true })).toEqual(["web", "db"]);
  expect(choose([], { "no-attach": ["db"] })).toEqual(["web"]);
  expect(choose([], { attach: ["noise"] })).toEqual(["noise"]);
  expect(() => choose([], { attach: ["x"] })).toThrow("cannot attach to services not included in up: x");
});
