import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  bindMount,
  closeDescriptor,
  descriptorPath,
  detachBelow,
  mount,
  mountTmpfs,
  openRoot,
  PROPAGATIONS,
  type RootDir,
} from "../linux/index.ts";
import type { OciMount, OciSpec } from "./spec/oci.ts";

/**
 * Mounts inside other mounts, without the runtime.
 *
 * A runtime mounts one after the other by path. Where a mount lies in a directory that another container can write too (a volume in a
 * volume), that container may put a link in the way in between, and runc before 1.1.14 makes the missing file or
 * directory where the link leads: on the host (CVE-2024-45310). So the outer mount is shown at a place of our own first, the
 * inner ones are put into that, held by descriptors that no link can lead astray, and the runtime is given the whole.
 */
export interface NestedMounts extends Disposable {
  /** The specification without inner mounts. */
  readonly spec: OciSpec;
}

/** Disposing of it, once the runtime has made its own copy, takes the places away. @param directory of ours, for the places */
export function assembleNestedMounts(spec: OciSpec, directory: string): NestedMounts {
  const groups = nestedGroups(spec.mounts);
  const dispose = () => void detachBelow(directory);
  if (groups.length === 0) return { spec, [Symbol.dispose]: () => {} };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    let { mounts } = spec;
    for (const [index, group] of groups.entries()) {
      const place = join(directory, String(index));
      assemble(group, place);
      mounts = mounts
        .filter((each) => !group.inner.includes(each))
        .map((each) => (each === group.outer ? assembled(each, join(place, "all")) : each));
    }
    return { spec: { ...spec, mounts }, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** What of the outer mount's own inner ones was to be seen is there already, so all of it is. */
function assembled(outer: OciMount, source: string): OciMount {
  const instead: Record<string, string> = { bind: "rbind", rro: "ro" };
  return { ...outer, source, options: outer.options?.map((option) => instead[option] ?? option) };
}

interface Group {
  readonly outer: OciMount;
  /** From the outermost inwards. */
  readonly inner: readonly OciMount[];
}

/** Outer binds with what lies in them. Options that only the runtime understands leave a group to it. */
function nestedGroups(mounts: readonly OciMount[]): Group[] {
  const below = (path: string, parent: string) => path.startsWith(`${parent}/`);
  const binds = mounts.filter((each) => each.type === "bind");
  return binds
    .filter((outer) => !binds.some((other) => below(outer.destination, other.destination)))
    .map((outer) => ({ outer, inner: mounts.filter((each) => below(each.destination, outer.destination)) }))
    .filter(({ outer, inner }) => inner.length > 0 && [outer, ...inner].every(understood));
}

const BIND_OPTIONS: ReadonlySet<string> = new Set([
  "bind",
  "rbind",
  "rw",
  "ro",
  "rro",
  "private",
  "rprivate",
]);

function understood({ type, options = [] }: OciMount): boolean {
  return type === "tmpfs" || (type === "bind" && options.every((option) => BIND_OPTIONS.has(option)));
}

function assemble({ outer, inner }: Group, place: string): void {
  const all = join(place, "all");
  mkdirSync(all, { recursive: true });
  bindMount(outer.source ?? "", all, { recursive: isRecursive(outer), propagation: "rprivate" });
  const relative = (each: OciMount) => each.destination.slice(outer.destination.length);
  // While it can be written: mount points that are missing in the outer mount itself.
  for (const each of inner) {
    const direct = !inner.some((other) => each.destination.startsWith(`${other.destination}/`));
    if (direct) makeMountPoint(all, relative(each), isDirectory(each));
  }
  if (outer.options?.includes("rro")) bindMount(all, all, { recursive: true, readOnly: true });
  for (const [index, each] of inner.entries()) {
    const stage = join(place, String(index));
    showAt(each, stage);
    makeMountPoint(all, relative(each), isDirectory(each));
    using root = openRoot(all);
    const held = root.open(relative(each), O_PATH);
    try {
      mount(stage, descriptorPath(held), "", MS_BIND | MS_REC);
    } finally {
      closeDescriptor(held);
    }
  }
}

const O_PATH = 0o10000000;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_WRONLY = 1;
const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;

/** The inner mount as it is to be, at a place that only we can reach: a bind of it keeps its flags. */
function showAt(each: OciMount, stage: string): void {
  const { options = [] } = each;
  if (isDirectory(each)) mkdirSync(stage);
  else writeFileSync(stage, "");
  if (each.type === "tmpfs") {
    mountTmpfs(stage, { options: options.filter((option) => !PROPAGATIONS.includes(option)) });
    return;
  }
  const recursive = isRecursive(each);
  bindMount(each.source ?? "", stage, {
    recursive,
    propagation: "rprivate",
    readOnly: options.includes("rro"),
  });
  if (options.includes("ro")) mount("", stage, "", MS_REMOUNT | MS_BIND | MS_RDONLY);
}

function isRecursive({ options = [] }: OciMount): boolean {
  return options.includes("rbind");
}

function isDirectory({ type, source = "" }: OciMount): boolean {
  return type === "tmpfs" || statSync(source).isDirectory();
}

function makeMountPoint(all: string, path: string, directory: boolean): void {
  using root = openRoot(all);
  if (root.exists(path)) return;
  if (directory) root.mkdirAll(path);
  else makeFile(root, path);
}

function makeFile(root: RootDir, path: string): void {
  root.mkdirAll(dirname(path));
  closeDescriptor(root.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o755));
}
