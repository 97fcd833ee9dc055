import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The cgroup that a bundle's specification names; `undefined` where there is no bundle any more. */
export function cgroupsPathOf(bundle: string): string | undefined {
  try {
    const text = readFileSync(join(bundle, "config.json"), "utf8");
    return (JSON.parse(text) as { linux?: { cgroupsPath?: string } }).linux?.cgroupsPath;
  } catch {
    return undefined;
  }
}
