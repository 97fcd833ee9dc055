import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { busyboxRootTar } from "../scripts/lib/base-image.ts";
import { mustRun } from "../scripts/lib/shell.ts";
import type { BenchEngine } from "./engines.ts";
import { IMAGE } from "./jobs.ts";
import { timeMs } from "./measure.ts";

interface Specification {
  root: { path: string };
  process: { args: string[] };
  mounts: { type?: string; source?: string }[];
  linux: { cgroupsPath?: string; namespaces: { type: string; path?: string }[] };
}

/**
 * The floor under `run --network none`: the OCI runtime alone, with the specification that the engine gives it, on an
 * unpacked root and a network namespace of its own.
 */
export async function bareRunc(engine: BenchEngine, runs: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bare-"));
  try {
    const rootfs = join(directory, "rootfs");
    mkdirSync(rootfs);
    await mustRun(["tar", "-C", rootfs, "-xf", "-"], { stdin: await busyboxRootTar() });
    const spec = await specificationOf(engine, "--network", "none");
    spec.root.path = rootfs;
    spec.process.args = ["true"];
    for (const mount of spec.mounts) {
      if (mount.type !== "bind" || mount.source === undefined) continue;
      const copy = join(directory, basename(mount.source));
      writeFileSync(copy, "");
      mount.source = copy;
    }
    for (const namespace of spec.linux.namespaces) delete namespace.path;
    const name = `berth-bare-${process.pid}`;
    spec.linux.cgroupsPath = `/${name}`;
    writeFileSync(join(directory, "config.json"), JSON.stringify(spec));
    const times: number[] = [];
    for (let index = 0; index < runs; index++) {
      times.push(await timeMs(() => mustRun(["runc", "run", "--bundle", directory, name])));
    }
    return times;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function specificationOf(engine: BenchEngine, ...options: string[]): Promise<Specification> {
  const id = (await engine.client("run", "-d", ...options, IMAGE, "sleep", "1000")).trim();
  try {
    const path = join(engine.execRoot, "containers", id, "config.json");
    return JSON.parse(readFileSync(path, "utf8")) as Specification;
  } finally {
    await engine.client("rm", "-f", id);
  }
}
