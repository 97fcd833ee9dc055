import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, digestOf, notFound } from "../lib/index.ts";
import { parseSignal } from "../linux/index.ts";
import { BuildFailed } from "./build-failed.ts";
import { Builder } from "./builder.ts";
import type { BuildRequest } from "./builder-contract.ts";
import { BuildCache } from "./cache/index.ts";
import { imageName, MACHINE } from "./dockerfile/testing.ts";
import { ProvenanceStore } from "./image/provenance-store.ts";
import { KnownPlans } from "./known-plans.ts";
import type { FoundImage, Images, NewImage } from "./ports.ts";
import type { BuildEvent } from "./progress/events.ts";
import { type Behaviour, type FakeWorld, fakeWorld } from "./testing.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-builder-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface TestBuilder extends FakeWorld {
  readonly builder: Builder;
  readonly recorded: (NewImage & { id: Digest })[];
  readonly asked: string[];
  /** Images that were found and not given back. */
  readonly held: Set<string>;
  readonly inlineCaches: Map<string, unknown>;
}

const BASE_LAYER = digestOf("base layer") as FoundImage["layers"][number];

function testBuilder(behaviours: Readonly<Record<string, Behaviour>> = {}): TestBuilder {
  const world = fakeWorld(behaviours);
  const { layers, records, scheduler, database } = world;
  layers.here.add(BASE_LAYER);
  layers.inImages.add(BASE_LAYER);
  const recorded: TestBuilder["recorded"] = [];
  const asked: string[] = [];
  const held = new Set<string>();
  const inlineCaches = new Map<string, unknown>();
  const find: Images["find"] = async (reference) => {
    asked.push(reference);
    if (reference.includes("missing")) throw notFound(`No such image: ${reference}`);
    held.add(reference);
    const earlier = recorded.findLast(({ names }) => names.includes(reference));
    return {
      id: earlier?.id ?? digestOf(`config of ${reference}`),
      manifestDigest: undefined,
      config: {
        Env: ["PATH=/bin"],
        Cmd: ["sh"],
        ...(reference.includes("trigger") ? { OnBuild: ["RUN hook"] } : {}),
      },
      platform: MACHINE,
      author: "",
      created: "2020-01-01T00:00:00Z",
      layers: earlier?.layers ?? [BASE_LAYER],
      history: [{ created: "2020-01-01T00:00:00Z", createdBy: "base" }],
      inlineCache: earlier?.inlineCache ?? inlineCaches.get(reference),
      [Symbol.dispose]: () => void held.delete(reference),
    };
  };
  const images: Images = {
    fullName: imageName,
    find,
    record: async (image) => {
      const { how, ...content } = image;
      const id = digestOf(JSON.stringify({ ...content, names: [] }));
      recorded.push({ ...image, id, how: () => facts });
      const facts = how(id);
      return id;
    },
    archive: () => {
      throw new Error("not faked");
    },
    push: async () => {},
  };
  const builder = new Builder({
    images,
    layers,
    contexts: undefined as never,
    sourceTree: undefined as never,
    scheduler,
    cache: new BuildCache({
      records,
      stocks: [],
      layers,
      policy: { enabled: false, rules: [] },
      path: directory,
    }),
    plans: new KnownPlans(),
    provenance: new ProvenanceStore(database),
    directory,
    discard: (path) => rm(path, { recursive: true }),
    platform: MACHINE,
    builderId: "urn:test",
    checkSignal: (signal) => void parseSignal(signal),
    afterBuild: () => {},
    close: async () => {},
  });
  return { ...world, builder, recorded, asked, held, inlineCaches };
}

const request = (text: string, changes: Partial<BuildRequest> = {}): BuildRequest => ({
  dockerfile: { fileName: "Dockerfile", text },
  contexts: new Map(),
  services: {
    secret: async () => new Uint8Array(),
    sshAgent: async () => {
      throw notFound("none");
    },
    credentials: async () => undefined,
  },
  tags: ["app"],
  target: "",
  buildArgs: new Map(),
  labels: new Map(),
  platforms: [],
  noCache: false,
  pull: false,
  cacheFrom: [],
  inlineCache: false,
  cacheTo: [],
  sbom: false,
  squash: false,
  run: {} as BuildRequest["run"],
  call: "build",
  outputs: [{ kind: "image", push: false }],
  provenance: true,
  sourceDateEpoch: undefined,
  ...changes,
});

const live = () => new AbortController().signal;

async function build(
  { builder }: TestBuilder,
  text: string,
  changes: Partial<BuildRequest> = {},
  report: (event: BuildEvent) => void = () => {},
) {
  return await builder.build(request(text, changes), report, live());
}

describe("Builder", () => {
  test("the image has the configuration and a history as BuildKit writes it", async () => {
    const world = testBuilder();
    const result = await build(
      world,
      'FROM a\nENV A=b\nRUN one\nWORKDIR /w\nLABEL l=m\nCMD ["x"]\nMAINTAINER me',
      { labels: new Map([["given", "yes"]]), tags: ["app", "other:1"] },
    );
    const [image] = world.recorded;
    expect(result.imageId).toBe(image!.id);
    expect(image!.names).toEqual(["docker.io/library/app:latest", "docker.io/library/other:1"]);
    expect(image!.author).toBe("me");
    expect(image!.config).toMatchObject({
      Env: ["PATH=/bin", "A=b"],
      Cmd: ["x"],
      WorkingDir: "/w",
      Labels: { l: "m", given: "yes" },
    });
    const run = image!.history[2]!.created!;
    expect(
      image!.history.map(({ createdBy, comment, emptyLayer }) => [createdBy, comment, emptyLayer]),
    ).toEqual([
      ["base", undefined, undefined],
      ["ENV A=b", "buildkit.dockerfile.v0", true],
      ["RUN /bin/sh -c one # buildkit", "buildkit.dockerfile.v0", undefined],
      ["WORKDIR /w", "buildkit.dockerfile.v0", undefined],
      ["LABEL l=m", "buildkit.dockerfile.v0", true],
      ['CMD ["x"]', "buildkit.dockerfile.v0", true],
      ["MAINTAINER me", "buildkit.dockerfile.v0", true],
    ]);
    // What makes no layer has the time of the first new layer.
    expect(image!.history[1]!.created).toBe(run);
    expect(image!.layers.length).toBe(3);
    expect(image!.created).toBe(image!.history.at(-1)!.created!);
    expect(result.metadata).toMatchObject({
      "containerimage.config.digest": image!.id,
      "image.name": "docker.io/library/app:latest,docker.io/library/other:1",
      "buildx.build.provenance": { runDetails: { builder: { id: "urn:test" } } },
    });
  });

  test("all from the cache, it is the same image", async () => {
    const world = testBuilder();
    const first = await build(world, "FROM a\nRUN one\nRUN two");
    await Bun.sleep(2);
    const second = await build(world, "FROM a\nRUN one\nRUN two");
    expect(second.imageId).toBe(first.imageId!);
    expect(world.ran).toEqual(["one", "two"]);
  });

  test("several results of one build", async () => {
    const world = testBuilder();
    const { imageId } = await world.builder.build(
      request("FROM a\nRUN one", {
        outputs: [{ kind: "none" }, { kind: "image", push: false }, { kind: "none" }],
      }),
      () => {},
      live(),
    );
    expect(world.recorded.map(({ id }) => id)).toEqual([imageId!]);
    expect(world.ran).toEqual(["one"]);
  });

  test("a cache is exported as an image of its own", async () => {
    const text = "FROM a\nRUN main\nRUN more";
    const world = testBuilder();
    const to = (mode: "min" | "max") => ({ kind: "registry", name: mode, mode, ignoreError: false }) as const;
    await world.builder.build(request(text, { cacheTo: [to("min"), to("max")] }), () => {}, live());
    const [image, min, max] = world.recorded;
    expect(min!.names).toEqual(["docker.io/library/min:latest"]);
    expect(min!.layers).toEqual(image!.layers);
    const keys = (made: typeof min) => (made!.inlineCache as { results: object[] }).results.length;
    expect([keys(min), keys(max)]).toEqual([2, 2]);
    const bad = { ...to("min"), name: "Not A Name" };
    await expect(world.builder.build(request(text, { cacheTo: [bad] }), () => {}, live())).rejects.toThrow(
      "invalid reference format",
    );
  });

  test("an image of nothing but a configuration has a time, that of the first one like it", async () => {
    const world = testBuilder();
    const build = async (text: string, changes?: Partial<BuildRequest>) => {
      await world.builder.build(request(text, changes), () => {}, live());
      return world.recorded.at(-1)!;
    };
    const text = "FROM scratch\nENV A=1\nCMD x";
    const first = await build(text);
    expect(Date.parse(first.created!)).toBeGreaterThan(Date.now() - 60_000);
    expect(first.history.map(({ created }) => created)).toEqual([first.created, first.created]);
    await Bun.sleep(2);
    expect((await build(text)).id).toBe(first.id);
    expect((await build(`${text} y`)).created).not.toBe(first.created);
    expect((await build(text, { sourceDateEpoch: 7 })).created).toBe("1970-01-01T00:00:07Z");
  });

  test("with an epoch two machines come to the same image", async () => {
    const text = "FROM a\nENV A=b\nRUN one";
    const ids = [];
    for (const world of [testBuilder(), testBuilder()]) {
      const { imageId } = await build(world, text, { sourceDateEpoch: 1_700_000_000 });
      ids.push(imageId);
      expect(world.recorded[0]!.history.slice(1).map(({ created }) => created)).toEqual([
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20Z",
      ]);
      await Bun.sleep(2);
    }
    expect(ids[0]).toBe(ids[1]!);
    const byArgument = testBuilder();
    const buildArgs = new Map([["SOURCE_DATE_EPOCH", "1700000000"]]);
    expect((await build(byArgument, text, { buildArgs })).imageId).toBe(ids[0]!);
  });

  test("stages built on stages have the history of all of them", async () => {
    const world = testBuilder();
    await build(
      world,
      "FROM a AS x\nRUN one\nFROM x AS y\nRUN two\nFROM a AS z\nRUN three\nFROM y\nRUN four",
    );
    expect(world.recorded[0]!.history.map(({ createdBy }) => createdBy)).toEqual([
      "base",
      "RUN /bin/sh -c one # buildkit",
      "RUN /bin/sh -c two # buildkit",
      "RUN /bin/sh -c four # buildkit",
    ]);
    expect(world.ran).toEqual(["one", "two", "four"]);
  });

  test("an image's triggers are found and run", async () => {
    const world = testBuilder();
    await build(world, "FROM trigger\nRUN one");
    expect(world.ran).toEqual(["hook", "one"]);
  });

  test("images are looked for at once, asked once each, and given back", async () => {
    const world = testBuilder();
    await build(world, "FROM a AS x\nFROM b\nCOPY --from=x f f\nCOPY --from=c f g");
    expect(world.asked.toSorted()).toEqual(["a", "b", "c"].map((name) => `docker.io/library/${name}:latest`));
    expect([...world.held]).toEqual([]);
    expect([...world.layers.holds]).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a named context may be an image", async () => {
    const world = testBuilder();
    const contexts = new Map([["base", { kind: "image" as const, reference: "docker-image://b" }]]);
    const { imageId } = await build(world, "FROM base\nRUN one", { contexts });
    expect(world.asked).toEqual(["docker.io/library/b:latest"]);
    expect(world.recorded[0]!.how(imageId!).bases).toEqual([
      { reference: "b", digest: digestOf("config of docker.io/library/b:latest") },
    ]);
    await expect(
      build(world, "FROM base", {
        contexts: new Map([["base", { kind: "image", reference: "oci-layout://x" }]]),
      }),
    ).rejects.toThrow("contexts from OCI layouts are not supported yet");
  });

  test("provenance tells the bases, the Dockerfile and the arguments, and no secret", async () => {
    const world = testBuilder();
    const buildArgs = new Map([
      ["VERSION", "1.2"],
      ["API_TOKEN", "hunter2"],
      ["HTTP_PROXY", "http://me:hunter2@proxy"],
      ["SOURCE", "https://me:hunter2@host/x"],
    ]);
    const text = "FROM a\nARG VERSION\nRUN one";
    const { imageId } = await build(world, text, { buildArgs });
    const [statement] = world.builder.provenance(imageId!);
    expect(statement).not.toContain("hunter2");
    const { subject, predicateType, predicate } = JSON.parse(statement!);
    expect(predicateType).toBe("https://slsa.dev/provenance/v1");
    expect(subject).toEqual([
      { name: "pkg:docker/app@latest?platform=linux%2Famd64", digest: { sha256: imageId!.slice(7) } },
    ]);
    const { buildDefinition, runDetails } = predicate;
    expect(buildDefinition.resolvedDependencies).toEqual([
      {
        uri: "pkg:docker/a@latest?platform=linux%2Famd64",
        digest: { sha256: digestOf("config of docker.io/library/a:latest").slice(7) },
      },
    ]);
    expect(buildDefinition.externalParameters.configSource).toEqual({
      digest: { sha256: digestOf(text).slice(7) },
      path: "Dockerfile",
    });
    expect(buildDefinition.externalParameters.request.args).toEqual({
      "build-arg:VERSION": "1.2",
      "build-arg:SOURCE": "https://xxxxx:xxxxx@host/x",
    });
    expect(runDetails.builder.id).toBe("urn:test");
    expect(world.recorded[0]!.how(imageId!)).toMatchObject({
      dockerfile: digestOf(text),
      arguments: { VERSION: "1.2", SOURCE: "https://xxxxx:xxxxx@host/x" },
      provenance: digestOf(statement!),
    });
  });

  test("an inline cache spares the work on another machine", async () => {
    const text = "FROM a\nRUN one\nRUN two";
    const first = testBuilder();
    await build(first, text, { buildArgs: new Map([["BUILDKIT_INLINE_CACHE", "1"]]) });
    const [image] = first.recorded;
    const world = testBuilder();
    for (const layer of image!.layers) world.layers.here.add(layer);
    world.recorded.push(image!);
    await build(world, text, { cacheFrom: ["app", "missing"] });
    expect(world.ran).toEqual([]);
    const without = testBuilder();
    for (const layer of image!.layers) without.layers.here.add(layer);
    without.recorded.push(image!);
    await build(without, text);
    expect(without.ran).toEqual(["one", "two"]);
  });

  const hostile: unknown[] = [
    ...[null, 1, "x", [], {}, { version: 2, results: [] }, { version: 1, results: {} }],
    {
      version: 1,
      results: [null, { key: "sha256:x", layers: [0] }, { key: digestOf("k"), layers: [-1, 9, "0"] }],
    },
  ];
  test("what a stranger left as a cache is checked", async () => {
    for (const inlineCache of hostile) {
      const world = testBuilder();
      world.inlineCaches.set("docker.io/library/strange:latest", inlineCache);
      await build(world, "FROM a\nRUN one", { cacheFrom: ["strange"] });
      expect(world.ran).toEqual(["one"]);
    }
  });

  test("a failure is placed, with the last lines of the step", async () => {
    const world = testBuilder({
      bad: async ({ log }) => {
        log(1, Buffer.from("first\n"));
        log(2, Buffer.from("second\n"));
        throw new Error("exit code: 1");
      },
    });
    const failure: unknown = await build(world, "FROM a\n\nRUN bad").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BuildFailed);
    const { message, failure: facts } = failure as BuildFailed;
    expect(message).toBe("exit code: 1");
    expect(facts).toMatchObject({
      lines: { start: 3, end: 3 },
      step: "[2/2] RUN bad",
      logTail: "first\nsecond",
    });
    expect([...world.held]).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
    expect(world.recorded).toEqual([]);
  });

  const refused: [text: string, message: RegExp, changes?: Partial<BuildRequest>][] = [
    ["FROM missing\nRUN one", /failed to resolve source metadata for docker.io\/library\/missing:latest/],
    ["FRUM a", /unknown instruction: FRUM/],
    ["FROM a", /for linux\/amd64.*not for linux\/arm64/, { platforms: ["linux/arm64"] }],
    ["FROM a", /one platform at a time/, { platforms: ["linux/amd64", "linux/arm64"] }],
    ["FROM a", /target stage "x" could not be found/, { target: "x" }],
    ["FROM a", /invalid reference format/, { tags: ["UPPER"] }],
    ["FROM a", /digest reference/, { tags: [`a@sha256:${"0".repeat(64)}`] }],
    ["# check=error=true\nFROM a as x", /lint violation found for rules: FromAsCasing/],
    ["FROM a\nCOPY x y", /the build has no context/],
  ];
  for (const [text, message, changes] of refused) {
    test(`refused: ${JSON.stringify(text)} ${JSON.stringify(changes ?? "")}`, async () => {
      const world = testBuilder();
      // The fakes' context operation would make one up.
      const scope = text.includes("COPY") ? noContext(world) : world;
      await expect(build(scope, text, changes)).rejects.toThrow(message);
      expect(readdirSync(directory)).toEqual([]);
      expect([...world.held]).toEqual([]);
    });
  }

  test("checks warn, and alone they build nothing", async () => {
    const world = testBuilder();
    const events: BuildEvent[] = [];
    const { warnings, imageId } = await build(
      world,
      "FROM a as x\nRUN one",
      { call: "check" },
      (event) => void events.push(event),
    );
    expect([warnings, imageId, world.ran]).toEqual([1, undefined, []]);
    expect(events.find(({ kind }) => kind === "warning")).toMatchObject({
      warning: {
        level: 1,
        short: "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
        url: "https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
        lines: { start: 1, end: 1 },
      },
    });
  });

  test("closing ends what runs", async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const world = testBuilder({
      slow: ({ signal }) =>
        new Promise((_, reject) => {
          resolve();
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    const running = build(world, "FROM a\nRUN slow");
    running.catch(() => {});
    await begun;
    await world.builder.close();
    await expect(running).rejects.toThrow("the engine is being stopped");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("at the start, what an earlier daemon left goes", async () => {
    const left = join(directory, "left");
    await mkdir(join(left, "deep"), { recursive: true });
    await testBuilder().builder.sweep();
    expect(existsSync(left)).toBe(false);
  });
});

/** Only this test needs the real operation. */
function noContext(world: TestBuilder): TestBuilder {
  const { operations } = world.scheduler.options;
  Object.assign(operations, {
    context: {
      key: async () => undefined,
      run: async (work: { context: { openContext(name: string, signal: AbortSignal): Promise<never> } }) =>
        await work.context.openContext("", live()),
    },
  });
  return world;
}
