import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../scripts/lib/base-image.ts";
import { mustRun } from "../scripts/lib/shell.ts";
import { timeMs } from "./measure.ts";

/** The floor under `run`: the OCI runtime alone, on an unpacked root with a network namespace of its own. */
export async function bareRunc(runs: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bare-"));
  try {
    const rootfs = join(directory, "rootfs");
    mkdirSync(rootfs);
    await mustRun(["tar", "-C", rootfs, "-xf", "-"], { stdin: await busyboxRootTar() });
    await mustRun(["runc", "spec"], { cwd: directory });
    const specPath = join(directory, "config.json");
    const spec = await Bun.file(specPath).json();
    spec.process.terminal = false;
    spec.process.args = ["true"];
    writeFileSync(specPath, JSON.stringify(spec));
    const times: number[] = [];
    for (let index = 0; index < runs; index++) {
      times.push(
        await timeMs(() => mustRun(["runc", "run", "--bundle", directory, `berth-bare-${process.pid}`])),
      );
    }
    return times;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
