import { statSync } from "node:fs";
import { withResolvedMounts } from "./mount-places.ts";
import type { OciMount, OciSpec } from "./spec/oci.ts";

/** A specification as crun takes it: what it means is the same. */
export function forCrun(spec: OciSpec): OciSpec {
  const resolved = withResolvedMounts(spec);
  return { ...resolved, mounts: resolved.mounts.map(withoutRecursionOnFiles) };
}

/** It asks for a directory where it is to make a mount read-only with all below it. Below a file there is nothing. */
function withoutRecursionOnFiles(mount: OciMount): OciMount {
  if (!mount.options?.includes("rro") || isDirectory(mount.source)) return mount;
  return { ...mount, options: mount.options.map((option) => (option === "rro" ? "ro" : option)) };
}

function isDirectory(path: string | undefined): boolean {
  return path !== undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
