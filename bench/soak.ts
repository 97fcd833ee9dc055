import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../scripts/lib/shell.ts";
import type { BenchEngine } from "./engines.ts";
import { IMAGE } from "./jobs.ts";
import { summarize, timeMs } from "./measure.ts";

/** What must be the same before and after a thousand containers came and went. */
export interface Footprint {
  readonly mounts: number;
  readonly namespaces: number;
  readonly links: number;
  readonly cgroups: number;
  readonly descriptors: number;
  readonly processes: number;
  readonly files: number;
  readonly residentMegabytes: number;
}

export interface SoakResult {
  readonly containers: number;
  readonly before: Footprint;
  readonly after: Footprint;
}

/** `run --rm` again and again, a few at a time, with the engine's footprint before and after. */
export async function soak(engine: BenchEngine, containers: number): Promise<SoakResult> {
  const WIDTH = 4;
  const runSome = async (count: number) => {
    for (let done = 0; done < count; done += WIDTH) {
      await Promise.all(Array.from({ length: WIDTH }, () => engine.client("run", "--rm", IMAGE, "true")));
    }
  };
  // The first containers warm caches and pools that are meant to stay.
  await runSome(40);
  const before = await footprint(engine);
  await runSome(containers);
  // Deletion in the background may still be going on.
  await Bun.sleep(2000);
  return { containers, before, after: await footprint(engine) };
}

/** The time of `run --rm` beside one idle container and beside many: it is to stay the same. */
export async function flatness(engine: BenchEngine, many: number): Promise<{ one: number; many: number }> {
  const measure = async () => {
    const times: number[] = [];
    for (let index = 0; index < 10; index++) {
      times.push(await timeMs(() => engine.client("run", "--rm", IMAGE, "true")));
    }
    return summarize(times).median;
  };
  const start = () => engine.client("run", "-d", IMAGE, "sleep", "100000");
  const ids = [await start()];
  const one = await measure();
  while (ids.length < many) ids.push(...(await Promise.all([start(), start(), start(), start()])));
  const withMany = await measure();
  await engine.client("rm", "-f", ...ids.map((id) => id.trim()));
  return { one, many: withMany };
}

async function footprint(engine: BenchEngine): Promise<Footprint> {
  const status = readFileSync(`/proc/${engine.pid}/status`, "utf8");
  const inDaemonsNetwork = ["nsenter", "--net", "--target", String(engine.pid), "ip", "-o", "link"];
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return {
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
    namespaces: countNamespaces(processes),
    links: (await run(inDaemonsNetwork)).stdout.split("\n").length,
    cgroups: countCgroups(),
    descriptors: readdirSync(`/proc/${engine.pid}/fd`).length,
    processes: processes.filter((pid) => belongsTo(engine, pid)).length,
    files: countFiles(engine.root),
    residentMegabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024),
  };
}

function countNamespaces(processes: readonly string[]): number {
  const found = new Set<number>();
  for (const pid of processes) {
    try {
      found.add(statSync(`/proc/${pid}/ns/net`).ino);
    } catch {
      // It ended while we looked.
    }
  }
  return found.size;
}

function belongsTo(engine: BenchEngine, pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(engine.root);
  } catch {
    return false;
  }
}

function countCgroups(): number {
  const text = readFileSync("/proc/cgroups", "utf8").trim().split("\n").slice(1);
  return text.reduce((sum, line) => sum + Number(line.split("\t")[2]), 0);
}

function countFiles(root: string): number {
  return readdirSync(root, { recursive: true }).filter((path) => !join(root, String(path)).endsWith(".log"))
    .length;
}
