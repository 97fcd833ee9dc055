import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../scripts/lib/shell.ts";
import type { BenchEngine } from "./engines.ts";
import { IMAGE, type Job } from "./jobs.ts";
import { timeMs } from "./measure.ts";

const FILES = 2000;
const MANY_FILES = 50_000;
const FILES_A_FOLDER = 100;

/**
 * Builds. Docker has two builders: each run goes through both, and the faster one counts. Contexts are the same for all,
 * on the engine's own disk.
 */
export const BUILD_JOBS: readonly Job[] = [
  {
    name: `build: 10 × RUN, COPY of ${FILES} files, no cache`,
    runs: 5,
    atMost: 0.25,
    time: (engine) =>
      byTheFaster(engine, async (build) => {
        const context = contextOf(engine, "steps", STEPS, FILES);
        return timeMs(() => build("--no-cache", context));
      }),
  },
  {
    name: "build: the same, all cached",
    runs: 7,
    atMost: 0.12,
    time: (engine) =>
      byTheFaster(engine, async (build) => {
        const context = contextOf(engine, "steps", STEPS, FILES);
        await build(context);
        return timeMs(() => build(context));
      }),
  },
  {
    name: `build: one file of the ${FILES} changed`,
    runs: 5,
    atMost: 0.25,
    time: (engine) =>
      byTheFaster(engine, async (build) => {
        const context = contextOf(engine, "steps", STEPS, FILES);
        await build(context);
        writeFileSync(join(context, "files/7/7"), String(performance.now()));
        return timeMs(() => build(context));
      }),
  },
  {
    name: "build: four independent stages of 2 s",
    runs: 2,
    atMost: 0.5,
    time: (engine) =>
      byTheFaster(engine, async (build) => {
        const context = contextOf(engine, "stages", STAGES, 0);
        return timeMs(() => build("--no-cache", context));
      }),
  },
  {
    name: `build: context of ${MANY_FILES} files, nothing changed`,
    runs: 3,
    atMost: 0.1,
    time: (engine) =>
      byTheFaster(engine, async (build) => {
        const context = contextOf(engine, "many", COPY_ALL, MANY_FILES);
        await build(context);
        return timeMs(() => build(context));
      }),
  },
];

const STEPS = `FROM ${IMAGE}
${Array.from({ length: 10 }, (_, step) => `RUN echo ${step} >/${step}`).join("\n")}
COPY files /files
`;

const STAGES = `${["a", "b", "c", "d"].map((name) => `FROM ${IMAGE} AS ${name}\nRUN sleep 2; echo ${name} >/${name}\n`).join("")}
FROM ${IMAGE}
${["a", "b", "c", "d"].map((name) => `COPY --from=${name} /${name} /`).join("\n")}
`;

const COPY_ALL = `FROM ${IMAGE}\nCOPY files /files\n`;

type Build = (...args: string[]) => Promise<unknown>;

async function byTheFaster(engine: BenchEngine, time: (build: Build) => Promise<number>): Promise<number> {
  const builders =
    engine.name === "docker" ? ["DOCKER_BUILDKIT=0", "DOCKER_BUILDKIT=1"] : ["DOCKER_BUILDKIT=1"];
  const times: number[] = [];
  for (const builder of builders) {
    times.push(
      await time((...args) =>
        mustRun(["env", builder, ...engine.command("build", "-q", "-t", "built", ...args)]),
      ),
    );
  }
  return Math.min(...times);
}

const contexts = new Set<string>();

/** A directory with a Dockerfile and so many small files; made once an engine. */
function contextOf(engine: BenchEngine, name: string, dockerfile: string, files: number): string {
  const directory = join(engine.root, `context-${name}`);
  if (contexts.has(directory)) return directory;
  mkdirSync(directory);
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  for (let folder = 0; folder * FILES_A_FOLDER < files; folder++) {
    mkdirSync(join(directory, "files", String(folder)), { recursive: true });
    for (let file = 0; file < FILES_A_FOLDER; file++) {
      writeFileSync(join(directory, "files", String(folder), String(file)), `${folder}/${file}\n`.repeat(50));
    }
  }
  contexts.add(directory);
  return directory;
}
