import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../scripts/lib/shell.ts";
import { debianTar, manyFilesTar } from "./base-images.ts";
import type { BenchEngine } from "./engines.ts";
import type { Job } from "./jobs.ts";
import { type Sample, summarize, timeMs } from "./measure.ts";
import { REGISTRY, registryOf } from "./registry.ts";

/** Images as they come and go: the same registry, the same bytes. */

interface BenchImage {
  readonly title: string;
  /** In the registry. */
  readonly name: string;
  tar(): Promise<string>;
}

const IMAGES: readonly BenchImage[] = [
  { title: "Debian, 175 MB", name: `${REGISTRY}/bench/debian:1`, tar: debianTar },
  { title: "60,000 files", name: `${REGISTRY}/bench/many:1`, tar: manyFilesTar },
];
const RUNS = 3;
const NEW_LAYER_BYTES = 100 << 20;

export const IMAGE_JOBS: readonly Job[] = [
  ...IMAGES.flatMap((image): Job[] => [
    {
      name: `image: pull, ${image.title}`,
      runs: RUNS,
      atMost: 0.17,
      limits: () => limitsOf(image),
      async time(engine) {
        await published(engine, image);
        await absent(engine, image);
        return timeMs(() => engine.client("pull", "-q", image.name));
      },
    },
    {
      name: `image: first run after a pull, files read cold, ${image.title}`,
      runs: RUNS,
      atMost: 0.5,
      async time(engine) {
        await published(engine, image);
        await absent(engine, image);
        await engine.client("pull", "-q", image.name);
        await mustRun(["sync"]);
        writeFileSync("/proc/sys/vm/drop_caches", "3");
        const read = "find /usr -xdev -type f -print0 | xargs -0 cat >/dev/null";
        return timeMs(() => engine.client("run", "--rm", "--network", "none", image.name, "sh", "-c", read));
      },
    },
    {
      name: `image: import, ${image.title}`,
      runs: RUNS,
      atMost: 0.07,
      limits: () => limitsOf(image),
      async time(engine) {
        const tar = await image.tar();
        // Else its layer is here already.
        await absent(engine, image);
        const elapsed = await timeMs(() => engine.client("import", tar, "bench-imported"));
        await engine.client("rmi", "bench-imported");
        return elapsed;
      },
    },
    {
      name: `image: save, ${image.title}`,
      runs: RUNS,
      atMost: 0.2,
      async time(engine) {
        await present(engine, image);
        const elapsed = await timeMs(() =>
          engine.client("save", "-o", join(engine.root, "saved.tar"), image.name),
        );
        rmSync(join(engine.root, "saved.tar"));
        return elapsed;
      },
    },
    {
      name: `image: load, ${image.title}`,
      runs: RUNS,
      atMost: 0.07,
      limits: () => limitsOf(image),
      async time(engine) {
        await present(engine, image);
        const path = join(engine.root, "saved.tar");
        await engine.client("save", "-o", path, image.name);
        await absent(engine, image);
        const elapsed = await timeMs(() => engine.client("load", "-q", "-i", path));
        rmSync(path);
        return elapsed;
      },
    },
    {
      name: `image: rmi, ${image.title}`,
      runs: RUNS,
      atMost: 0.2,
      async time(engine) {
        await present(engine, image);
        return timeMs(() => engine.client("rmi", image.name));
      },
    },
  ]),
  {
    name: "image: push of a new 100 MB layer",
    runs: RUNS,
    atMost: 0.35,
    async time(engine) {
      await registryOf(engine);
      const name = `${REGISTRY}/bench/${engine.name}-${++pushes}:1`;
      const tar = newLayer(engine);
      await engine.client("import", await tar, name);
      const elapsed = await timeMs(() => engine.client("push", "-q", name));
      await engine.client("rmi", name);
      rmSync(await tar);
      return elapsed;
    },
  },
];

let pushes = 0;
const publishing = new Map<BenchImage, Promise<unknown>>();

/** The registry has the image, whoever has pushed it. */
async function published(engine: BenchEngine, image: BenchImage): Promise<void> {
  await registryOf(engine);
  const work = publishing.get(image) ?? publish(engine, image);
  publishing.set(image, work);
  await work;
}

async function publish(engine: BenchEngine, image: BenchImage): Promise<void> {
  await engine.client("import", await image.tar(), image.name);
  await engine.client("push", "-q", image.name);
  await engine.client("rmi", image.name);
}

async function present(engine: BenchEngine, image: BenchImage): Promise<void> {
  await published(engine, image);
  await engine.client("pull", "-q", image.name);
}

async function absent(engine: BenchEngine, image: BenchImage): Promise<void> {
  await engine.client("rmi", "-f", image.name).catch(() => {});
}

/** Debian's files behind a little that was never there before. */
async function newLayer(engine: BenchEngine): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-layer-"));
  try {
    const noise = crypto.getRandomValues(new Uint8Array(65_536));
    const debian = await Bun.file(await debianTar())
      .slice(0, NEW_LAYER_BYTES - noise.length)
      .bytes();
    await Bun.write(join(directory, "content"), Buffer.concat([noise, debian]));
    const tar = join(engine.root, "layer.tar");
    await mustRun(["tar", "-C", directory, "-cf", tar, "content"]);
    return tar;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const limits = new Map<BenchImage, Promise<Record<string, Sample>>>();

/** What no engine could be faster than that did the same by the usual means: one core that inflates, one that unpacks. */
function limitsOf(image: BenchImage): Promise<Record<string, Sample>> {
  const known = limits.get(image) ?? measureLimits(image);
  limits.set(image, known);
  return known;
}

async function measureLimits(image: BenchImage): Promise<Record<string, Sample>> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-limits-"));
  try {
    const tar = await image.tar();
    const compressed = join(directory, "layer.gz");
    await mustRun(["sh", "-c", `gzip -c '${tar}' >'${compressed}'`]);
    const [gunzip, untar]: number[][] = [[], []];
    for (let run = 0; run < RUNS; run++) {
      gunzip!.push(await timeMs(() => mustRun(["sh", "-c", `gzip -dc '${compressed}' >/dev/null`])));
      const target = join(directory, String(run));
      mkdirSync(target);
      untar!.push(await timeMs(() => mustRun(["tar", "-C", target, "-xf", tar])));
      rmSync(target, { recursive: true });
    }
    if (statSync(compressed).size === 0) throw new Error("gzip wrote nothing");
    return { "gunzip alone": summarize(gunzip!), "tar -x alone": summarize(untar!) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
