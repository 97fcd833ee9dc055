import { existsSync, mkdirSync } from "node:fs";
import { invalidParameter, messageOf, systemError } from "../../lib/index.ts";
import type { SpecMount } from "../../runtime/index.ts";
import { makeMountPoint } from "../bundle.ts";
import type { Context } from "../context.ts";
import type { ContainerMount, ContainerRecord } from "../record.ts";

/** A container's mounts as the runtime takes them, and what must be let go of once it has. */
export interface PreparedMounts {
  readonly mounts: SpecMount[];
  /** Closes what was held open for the runtime. The mounts themselves stay. */
  release(): void;
}

/** Makes every source ready. Volumes are acquired anew, since a restart of the host takes their mounts away. */
export async function prepareMounts(context: Context, record: ContainerRecord): Promise<PreparedMounts> {
  const held: Disposable[] = [];
  const release = () => {
    for (const each of held.splice(0)) each[Symbol.dispose]();
  };
  const prepared = await Promise.allSettled(
    record.mounts.map((mount, index) => prepareMount(context, record, mount, index, held)),
  );
  const failed = prepared.find((part) => part.status === "rejected");
  if (failed !== undefined) {
    release();
    throw failed.reason;
  }
  return { mounts: prepared.flatMap((part) => (part.status === "fulfilled" ? [part.value] : [])), release };
}

async function prepareMount(
  context: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  index: number,
  held: Disposable[],
): Promise<SpecMount> {
  switch (mount.type) {
    case "tmpfs":
      return { type: "tmpfs", source: "tmpfs", destination: mount.destination, options: mount.options ?? [] };
    case "bind":
      prepareSource(mount);
      checkPropagation(context, mount);
      return bindOf(context, mount, mount.source);
    case "volume":
      return bindOf(context, mount, await volumeSource(context, record, mount, held));
    case "image":
      return bindOf(context, mount, await imageSource(context, record, mount, index, held));
  }
}

function prepareSource({ source, createSource }: ContainerMount): void {
  if (existsSync(source)) return;
  if (!createSource) {
    throw invalidParameter(
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  }
  try {
    mkdirSync(source, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw systemError(`error while creating mount source path '${source}': ${messageOf(error)}`, error);
  }
}

/** A mount can only pass events on that it gets itself. */
function checkPropagation({ machine }: Context, { source, propagation }: ContainerMount): void {
  const shared = propagation.endsWith("shared");
  if (!shared && !propagation.endsWith("slave")) return;
  const holder = machine.mountOf(source);
  if (holder.propagation.includes("shared") || (!shared && holder.propagation.includes("slave"))) return;
  throw systemError(
    `path ${source} is mounted on ${holder.mountPoint} but it is not a shared${shared ? "" : " or slave"} mount`,
  );
}

async function volumeSource(
  { volumes }: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  held: Disposable[],
): Promise<string> {
  const name = mount.name!;
  const volume = await volumes.acquire({
    name,
    ...(mount.driver === undefined ? {} : { driver: mount.driver }),
    containerId: record.id,
  });
  if (mount.subpath === undefined) return volume.path;
  const path = volumes.openSubpath(name, mount.subpath);
  held.push(path);
  return path.path;
}

async function imageSource(
  context: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  index: number,
  held: Disposable[],
): Promise<string> {
  const target = makeMountPoint(context, record.id, index);
  await context.snapshots.mount(mount.snapshotKey!, target, { volatile: true });
  if (mount.subpath === undefined) return target;
  using root = context.machine.openRoot(target);
  const path = context.machine.holdPath(root, mount.subpath);
  held.push(path);
  return path.path;
}

function bindOf(context: Context, mount: ContainerMount, source: string): SpecMount {
  return {
    type: "bind",
    source,
    destination: mount.destination,
    options: [mount.nonRecursive ? "bind" : "rbind", mount.propagation || "rprivate", access(context, mount)],
  };
}

/** `ro` covers the mounts below too, where this machine can do that. */
function access({ machine }: Context, mount: ContainerMount): string {
  if (!mount.readOnly) return "rw";
  if (mount.readOnlyRecursion === "off" || mount.nonRecursive) return "ro";
  if (machine.recursiveReadOnly) return "rro";
  if (mount.readOnlyRecursion === "force") {
    throw invalidParameter("failed to create rro mount: this kernel or runtime does not support it");
  }
  return "ro";
}
