import { expect, test } from "bun:test";
import { notFound } from "../../lib/index.ts";
import type { Call } from "../../sdk/index.ts";
import type { ImageInspect } from "../../wire/index.ts";
import { type Application, type Progress, serviceNamed } from "../application.ts";
import { buildServices } from "./build.ts";
import { type EnsureOptions, ensureImages } from "./ensure.ts";
import { factsOf } from "./facts.ts";
import { planImages } from "./plan.ts";
import { type PullOptions, pullServices } from "./pull.ts";
import { pullTarget } from "./pull-image.ts";
import { pushServices } from "./push.ts";
import { projectOf } from "./testing.ts";

/** An engine that has some images, can fetch some, and builds all but `broken`. */
class FakeEngine {
  readonly done: string[] = [];
  readonly #images: Set<string>;
  readonly #registry: ReadonlySet<string>;
  inspected = 0;
  running = 0;
  most = 0;

  constructor(images: readonly string[], registry: readonly string[] = []) {
    this.#images = new Set(images);
    this.#registry = new Set(registry);
  }

  async json({ path }: Call): Promise<ImageInspect> {
    this.inspected++;
    const name = decodeURIComponent(path.slice("/images/".length, -"/json".length));
    if (!this.#images.has(name)) throw notFound(`No such image: ${name}`);
    return { Id: `sha256:${name}`, Os: "linux", Architecture: "amd64", Metadata: {} } as ImageInspect;
  }

  readonly images = {
    pull: async ({ fromImage, tag }: { fromImage: string; tag?: string }) => this.#pull(fromImage, tag),
    push: async (ref: string, { tag }: { tag?: string }) => {
      this.done.push(`push ${ref}:${tag}`);
      return (async function* () {
        yield { id: "aa", status: "Pushed" };
        if (ref === "broken") yield { error: "denied" };
      })();
    },
  };

  async *#pull(fromImage: string, tag?: string) {
    const name = tag === "latest" ? fromImage : `${fromImage}:${tag}`;
    this.done.push(`pull ${name}`);
    yield { status: "Pulling from x", id: tag };
    yield { status: "Downloading", id: "aa", progressDetail: { current: 1, total: 2 } };
    if (!this.#registry.has(name)) yield { error: `pull access denied for ${name}` };
    yield { status: "Pull complete", id: "aa", progressDetail: {} };
    this.#images.add(name);
  }

  readonly builds = {
    run: async ({ tags }: { tags: string[] }) => {
      this.most = Math.max(this.most, ++this.running);
      this.done.push(`build ${tags[0]}`);
      await Bun.sleep(1);
      this.running--;
      if (tags[0] === "shop-broken") throw new Error("exit code: 1");
      for (const tag of tags) this.#images.add(tag);
      return { imageId: `sha256:${tags[0]}` };
    },
  };
}

function application(services: string, engine: FakeEngine, environment: Record<string, string> = {}) {
  const text = `name: shop\nservices:\n${services.replace(/^/gm, "  ")}`;
  const project = projectOf(text, environment);
  const shown: Progress[] = [];
  const warnings: string[] = [];
  const report = { progress: (one: Progress) => shown.push(one), warn: (one: string) => warnings.push(one) };
  const app = { engine, project, report, dryRun: false } as unknown as Application;
  const all = () => Object.keys(project.services).map((name) => serviceNamed(project, name));
  return { app, all, shown, warnings, texts: () => shown.map(({ id, text }) => `${id} ${text}`) };
}

async function ensured(services: string, engine: FakeEngine, options: EnsureOptions = {}) {
  const made = application(services, engine);
  const facts = await ensureImages(made.app, made.all(), options);
  return { ...made, facts };
}

test("with everything here, each image is asked for once and nothing else happens", async () => {
  const engine = new FakeEngine(["web", "shop-app"]);
  const { facts, shown } = await ensured(
    "a: { image: web }\nb: { image: web }\nc: { image: web }\napp: { build: . }",
    engine,
  );
  expect(engine.inspected).toBe(2);
  expect(engine.done).toEqual([]);
  expect(shown).toEqual([]);
  expect(facts.get("b")).toEqual({ id: "sha256:web", digest: "sha256:web" });
  expect(facts.get("app")?.id).toBe("sha256:shop-app");
});

test("what is missing is fetched once, and built where it has no name", async () => {
  const engine = new FakeEngine([], ["web", "db:16", "tool:1"]);
  const { facts, texts, shown } = await ensured(
    'a: { image: web }\nb: { image: web }\napp: { build: . }\ndb: { image: "db:16", pre_start: [{ command: x, image: "tool:1" }] }',
    engine,
  );
  expect(engine.done.sort()).toEqual(["build shop-app", "pull db:16", "pull tool:1", "pull web"]);
  expect(facts.size).toBe(4);
  expect(texts()).toContain("Image web Pulling");
  expect(texts()).toContain("Image web Pulled");
  expect(texts()).toContain("Image shop-app Built");
  expect(shown).toContainEqual({
    id: "aa",
    parent: "Image web",
    status: "working",
    text: "Downloading",
    current: 1,
    total: 2,
  });
});

test("an image that can be built is fetched first, and built where that fails", async () => {
  const services = "app: { image: mine, build: . }";
  const fetched = new FakeEngine([], ["mine"]);
  await ensured(services, fetched);
  expect(fetched.done).toEqual(["pull mine"]);
  const built = new FakeEngine([]);
  const { facts, shown } = await ensured(services, built);
  expect(built.done).toEqual(["pull mine", "build mine"]);
  expect(facts.get("app")?.id).toBe("sha256:mine");
  expect(shown.find(({ text }) => text.includes("denied"))?.status).toBe("warning");
});

test("--build builds what is here, --no-build nothing, --pull never fetches nothing", async () => {
  const services = "app: { build: . }\nweb: { image: web }";
  const engine = new FakeEngine(["shop-app", "web"]);
  await ensured(services, engine, { build: true });
  expect(engine.done).toEqual(["build shop-app"]);
  expect(ensured(services, new FakeEngine(["web"]), { noBuild: true })).rejects.toThrow(
    "No such image: shop-app",
  );
  expect(ensured(services, new FakeEngine(["shop-app"]), { pull: "never" })).rejects.toThrow(
    "No such image: web",
  );
  const always = new FakeEngine(["shop-app", "web"], ["web"]);
  await ensured(services, always, { pull: "always" });
  expect(always.done).toEqual(["pull web"]);
});

test("an image that cannot be had fails with the engine's words", async () => {
  const made = application("web: { image: web }", new FakeEngine([]));
  expect(ensureImages(made.app, made.all())).rejects.toThrow("pull access denied for web");
});

test("independent images are built at the same time, and bases first", async () => {
  const engine = new FakeEngine([]);
  const services = `top: { build: { additional_contexts: { mid: "service:mid" } } }
mid: { build: { additional_contexts: { base: "service:base" } } }
base: { build: . }
one: { build: . }
two: { build: . }`;
  await ensured(services, engine);
  const at = (name: string) => engine.done.indexOf(`build shop-${name}`);
  expect(engine.done).toHaveLength(5);
  expect(at("base")).toBeLessThan(at("mid"));
  expect(at("mid")).toBeLessThan(at("top"));
  expect(engine.most).toBe(3);

  const limited = new FakeEngine([]);
  const made = application(services, limited, { COMPOSE_PARALLEL_LIMIT: "1" });
  await ensureImages(made.app, made.all());
  expect(limited.most).toBe(1);
});

test("a build brings along those it starts from, and one that fails stops what waits for it", async () => {
  const engine = new FakeEngine(["shop-base"]);
  const made = application(
    'top: { build: { additional_contexts: { b: "service:base" } } }\nbase: { build: . }\nother: { image: x }',
    engine,
  );
  await buildServices(made.app, [serviceNamed(made.app.project, "top")]);
  expect(engine.done).toEqual(["build shop-base", "build shop-top"]);

  const broken = new FakeEngine([]);
  const failing = application(
    'top: { build: { additional_contexts: { b: "service:broken" } } }\nbroken: { build: . }',
    broken,
  );
  expect(buildServices(failing.app, failing.all())).rejects.toThrow("exit code: 1");
  expect(broken.done).toEqual(["build shop-broken"]);
  const circle = application(
    'a: { build: { additional_contexts: { b: "service:b" } } }\nb: { build: { additional_contexts: { a: "service:a" } } }',
    broken,
  );
  expect(buildServices(circle.app, circle.all())).rejects.toThrow("builds wait for one another: ");
  const none = application("a: { image: x }", broken);
  await buildServices(none.app, none.all());
  expect(none.warnings).toEqual(["No services to build"]);
});

test("a plan says what would be fetched and built, and why; a dry run does nothing", async () => {
  const engine = new FakeEngine(["old"]);
  const services = "a: { image: new }\nb: { image: old }\nc: { build: . }";
  const made = application(services, engine);
  const plan = await planImages(made.app, made.all());
  expect(plan.pulls).toMatchObject([{ image: "new", service: "a", why: "image is not here" }]);
  expect(plan.builds).toMatchObject([{ image: "shop-c", service: "c", why: "image is not here" }]);
  const facts = await ensureImages({ ...made.app, dryRun: true }, made.all(), { plan });
  expect(engine.done).toEqual([]);
  expect([...facts.keys()].sort()).toEqual(["a", "b", "c"]);
  expect(made.texts()).toContain("Image new Pulled");
});

test("an image for another platform is fetched for the one that is wanted", async () => {
  const engine = new FakeEngine(["web"], ["web"]);
  await ensured("a: { image: web, platform: linux/arm64 }", engine);
  expect(engine.done).toEqual(["pull web"]);
});

test("of an image of several platforms the manifest that runs counts", () => {
  const manifest = (ID: string, architecture: string, Available: boolean, Kind = "image") => ({
    ID,
    Kind,
    Available,
    ImageData: { Platform: { os: "linux", architecture } },
  });
  const image = {
    Id: "sha256:index",
    Os: "linux",
    Architecture: "amd64",
    Manifests: [
      manifest("sha256:arm", "arm64", false),
      manifest("sha256:amd", "amd64", true),
      manifest("sha256:said", "unknown", true, "attestation"),
    ],
  } as unknown as ImageInspect;
  expect(factsOf(image)).toEqual({ id: "sha256:index", digest: "sha256:amd" });
  expect(factsOf(image, "linux/arm64")).toBeUndefined();
});

test("pull fetches what a service does not forbid", async () => {
  const services = `always: { image: "a:1" }
never: { image: b, pull_policy: never }
missing: { image: "c:1", pull_policy: missing }
latest: { image: d, pull_policy: missing }
due: { image: "e:1", pull_policy: weekly }
built: { build: . }
both: { image: "f:1", build: . }`;
  const here = ["a:1", "b", "c:1", "d", "e:1"];
  const run = async (registry: string[], options: PullOptions) => {
    const engine = new FakeEngine(here, registry);
    const made = application(services, engine);
    await pullServices(made.app, made.all(), options);
    return { ...made, done: engine.done.sort() };
  };
  const all = await run(["a:1", "d", "e:1", "f:1"], {});
  expect(all.done).toEqual(["pull a:1", "pull d", "pull e:1", "pull f:1"]);
  expect(all.texts()).toContain("built Skipped");
  expect(all.texts()).toContain("Image c:1 Skipped");
  const missing = await run(["b", "d"], { policy: "missing", ignoreBuildable: true });
  // The command's word is that of all services; what could be built is left out.
  expect(missing.done).toEqual(["pull b", "pull d"]);
});

test("what cannot be fetched fails at the end where it can be built, and at once where not", async () => {
  const made = application("both: { image: f, build: . }", new FakeEngine([]));
  expect(pullServices(made.app, made.all())).rejects.toThrow("pull access denied for f");
  await pullServices(made.app, made.all(), { ignoreFailures: true });
  expect(made.warnings.at(-1)).toContain("compose build both");
  const plain = application("a: { image: f }", new FakeEngine([]));
  expect(pullServices(plain.app, plain.all())).rejects.toThrow("pull access denied for f");
  await pullServices(plain.app, plain.all(), { ignoreFailures: true });
});

test("push sends what is built and named, with its further tags", async () => {
  const engine = new FakeEngine([]);
  const made = application(
    'a: { image: "r:5000/a", build: { tags: ["r:5000/a:2"] } }\nb: { build: . }\nc: { image: c }',
    engine,
  );
  await pushServices(made.app, made.all());
  expect(engine.done.sort()).toEqual(["push r:5000/a:2", "push r:5000/a:latest"]);
  expect(made.texts()).toContain("b Skipped");
  expect(pushServices(made.app, made.all(), { imageMandatory: true })).rejects.toThrow(
    '"service.image" attribute is mandatory to push an image for service "b"',
  );
  const failing = application("a: { image: broken, build: . }", new FakeEngine([]));
  expect(pushServices(failing.app, failing.all())).rejects.toThrow("denied");
  await pushServices(failing.app, failing.all(), { ignoreFailures: true });
});

test("names are taken apart as registries are asked", () => {
  expect(pullTarget("web")).toEqual({ fromImage: "web", tag: "latest" });
  expect(pullTarget("r:5000/a/web")).toEqual({ fromImage: "r:5000/a/web", tag: "latest" });
  expect(pullTarget("r:5000/web:1@sha256:ab")).toEqual({ fromImage: "r:5000/web", tag: "sha256:ab" });
});
