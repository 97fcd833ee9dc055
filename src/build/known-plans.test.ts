import { expect, test } from "bun:test";
import { parseIgnoreFile } from "../lib/ignore/index.ts";
import { type Digest, digestOf } from "../lib/index.ts";
import type { BuildRequest } from "./builder-contract.ts";
import type { Definition } from "./definition.ts";
import { MACHINE } from "./dockerfile/testing.ts";
import { askedOf, KnownPlans } from "./known-plans.ts";
import { type Planned, type PlanRunOptions, planRun } from "./plan-run.ts";
import type { FoundImage, Images } from "./ports.ts";
import { Lease } from "./solve/lease.ts";

interface World {
  readonly asked: string[];
  /** Images' configurations, by their full names. */
  readonly images: Map<string, FoundImage["config"]>;
  readonly manifests: Map<string, Digest>;
  readonly names: Map<string, string>;
  plan(
    text: string,
    request?: Partial<BuildRequest>,
    more?: Partial<PlanRunOptions & Definition>,
  ): Promise<Planned>;
}

function world(): World {
  const asked: string[] = [];
  const images: World["images"] = new Map();
  const manifests: World["manifests"] = new Map();
  const names: World["names"] = new Map();
  const plans = new KnownPlans();
  const find: Images["find"] = async (name) => {
    asked.push(name);
    const config = images.get(name) ?? {};
    const common = { platform: MACHINE, author: "", created: undefined, layers: [], history: [] };
    const id = digestOf(JSON.stringify([name, config]));
    return {
      ...common,
      id,
      config,
      manifestDigest: manifests.get(name),
      inlineCache: undefined,
      [Symbol.dispose]() {},
    };
  };
  const found = { fullName: (text: string) => names.get(text) ?? text, find } as Images;
  const plan: World["plan"] = (text, changes = {}, { ignore, ...more } = {}) => {
    const request = {
      ...{
        target: "",
        buildArgs: new Map(),
        labels: new Map(),
        contexts: new Map(),
        noCache: false,
        pull: false,
      },
      ...{ call: "build", services: { credentials: async () => undefined } },
      ...changes,
    } as unknown as BuildRequest;
    const definition = { fileName: "Dockerfile", text, ignore, context: undefined };
    return planRun(definition, {
      ...{
        images: found,
        request,
        lease: new Lease(),
        report: () => {},
        signal: new AbortController().signal,
      },
      builder: { images: found, plans, platform: MACHINE, checkSignal: () => {} },
      ...{ platform: MACHINE, contextImages: new Map() },
      ...more,
    });
  };
  return { asked, images, manifests, names, plan };
}

const TEXT = "FROM a\nARG V=1\nRUN echo $V\nCOPY x /x\n";

test("who asks the same of the same images is given the same plan, and images that are held anew", async () => {
  const { plan, asked } = world();
  const first = await plan(TEXT);
  const second = await plan(TEXT);
  expect(second.plan).toBe(first.plan);
  expect(second.graph).toBe(first.graph);
  expect(asked).toEqual(["a", "a"]);
  expect(second.images.get("a linux/amd64")).not.toBe(first.images.get("a linux/amd64")!);
});

test("whatever decides on a plan makes it another", async () => {
  const { plan } = world();
  const first = await plan(TEXT);
  const contexts = new Map([["a", { kind: "remote" as const, url: "https://x/y" }]]);
  const others = [
    plan(`${TEXT}\n`),
    plan(TEXT, { buildArgs: new Map([["V", "2"]]) }),
    plan(TEXT, { labels: new Map([["l", "m"]]) }),
    plan(TEXT, { contexts }),
    plan(TEXT, { noCache: true }),
    plan(TEXT, { noCache: new Set(["a"]) }),
    plan(TEXT, { call: "check" }),
    plan(TEXT, {}, { ignore: parseIgnoreFile("x\n") }),
    plan(TEXT, {}, { platform: { ...MACHINE, variant: "v9" } }),
  ];
  for (const other of await Promise.all(others)) expect(other.plan).not.toBe(first.plan);
  const stages = "FROM a AS one\nFROM one AS two\n";
  expect((await plan(stages, { target: "one" })).plan).not.toBe((await plan(stages, { target: "two" })).plan);
});

test("another image under the name is another plan, and the one after it is known again", async () => {
  const { plan, images, manifests } = world();
  const first = await plan(TEXT);
  images.set("a", { Env: ["A=b"], OnBuild: ["RUN hook"] });
  const moved = await plan(TEXT);
  expect(moved.plan.stages[0]!.steps.map(({ title }) => title)).toEqual([
    "RUN hook",
    "ARG V=1",
    "RUN echo 1",
    "COPY x /x",
  ]);
  expect(moved.graph.target).not.toBe(first.graph.target!);
  expect((await plan(TEXT)).plan).toBe(moved.plan);
  manifests.set("a", digestOf("manifest"));
  expect((await plan(TEXT)).graph.target).not.toBe(moved.graph.target!);
});

test("a name that has come to mean another image is looked for under its new one", async () => {
  const { plan, names, asked } = world();
  await plan("FROM abcdefabcdef");
  names.set("abcdefabcdef", "sha256:abcdefabcdef00");
  await plan("FROM abcdefabcdef");
  expect(asked).toEqual(["abcdefabcdef", "sha256:abcdefabcdef00"]);
});

test("an image that a trigger names is only looked for while the trigger is there", async () => {
  const { plan, images, asked } = world();
  images.set("a", { OnBuild: ["COPY --from=b /y /y"] });
  for (let round = 0; round < 2; round++) await plan("FROM a");
  expect(asked).toEqual(["a", "b", "a", "b"]);
  images.set("a", {});
  await plan("FROM a");
  expect(asked.slice(4)).toEqual(["a"]);
});

test("the last few are remembered, and none that takes much memory", async () => {
  const { plan } = world();
  const first = await plan("FROM a");
  for (let index = 0; index < 20; index++) await plan(`FROM a\nRUN ${index}`);
  expect((await plan("FROM a")).plan).not.toBe(first.plan);
  const large = `FROM a\n${"RUN echo a long line of a large Dockerfile\n".repeat(5000)}`;
  expect((await plan(large)).plan).not.toBe((await plan(large)).plan);
});

test("what is asked is told apart by all its parts", () => {
  const definition = { text: "FROM a", ignore: undefined } as Definition;
  const request = { target: "", buildArgs: new Map([["a", "b"]]), labels: new Map(), contexts: new Map() };
  const of = (changes: object) =>
    askedOf(
      definition,
      { ...request, noCache: false, call: "build", ...changes } as never,
      MACHINE,
      new Map(),
    );
  const all = [
    {},
    { buildArgs: new Map(), labels: new Map([["a", "b"]]) },
    { noCache: new Set() },
    { noCache: true },
  ];
  expect(new Set(all.map(of)).size).toBe(all.length);
});
