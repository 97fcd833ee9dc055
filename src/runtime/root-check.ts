import { lstatSync } from "node:fs";
import { join } from "node:path";
import { runtimeFailure } from "./failures.ts";
import type { OciSpec } from "./spec/oci.ts";

/**
 * Refuses a root file system in which `/dev`, `/proc` or `/sys` is anything but a directory (or is missing).
 *
 * The runtime makes device nodes and links below `<root>/dev` while it still stands in the host's file system, and releases
 * before 1.2.8 follow a link there: an image whose /dev leads to a directory of the host gets files made in it, as root
 * (of the family of CVE-2025-52881). With /proc or /sys elsewhere, its security labels and masks would be too (CVE-2019-16884).
 * Nobody but a running container changes its root, and this one does not run.
 * @throws RuntimeError in the runtime's words
 */
export function assertOrdinaryRoot(spec: OciSpec): void {
  for (const { destination, type } of spec.mounts) {
    if (!["/dev", "/proc", "/sys"].includes(destination) || type === "bind") continue;
    const status = lstatSync(join(spec.root.path, destination), { throwIfNoEntry: false });
    if (status === undefined || status.isDirectory()) continue;
    throw runtimeFailure("create", `filesystem "${destination}" must be mounted on ordinary directory`);
  }
}
