import { existsSync, mkdirSync } from "node:fs";
import { invalidParameter, messageOf, systemError } from "../../lib/index.ts";
import type { SpecMount } from "../../runtime/index.ts";
import { makeMountPoint } from "../bundle.ts";
import type { Context } from "../context.ts";
import type { HeldPath } from "../ports.ts";
import type { ContainerMount, ContainerRecord } from "../record.ts";
import { together } from "../undo.ts";

/**
 * Makes the source of every mount ready, as the runtime takes it. Volumes are acquired anew, since a restart
 * of the host
 * takes their mounts away. What is mounted for this goes with the bundle's other mounts.
 */
export async function prepareMounts(context: Context, record: ContainerRecord): Promise<SpecMount[]> {
  return together(record.mounts.map((mount, index) => prepareMount(context, record, mount, index)));
}

async function prepareMount(
  context: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  index: number,
): Promise<SpecMount> {
  switch (mount.type) {
    case "tmpfs":
      return { type: "tmpfs", source: "tmpfs", destination: mount.destination, options: mount.options ?? [] };
    case "bind":
      prepareSource(mount);
      checkPropagation(context, mount);
      return bindOf(context, mount, mount.source);
    case "volume":
      return bindOf(context, mount, await volumeSource(context, record, mount, index));
    case "image":
      return bindOf(context, mount, await imageSource(context, record, mount, index));
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
  context: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  index: number,
): Promise<string> {
  const { volumes } = context;
  const name = mount.name!;
  const volume = await volumes.acquire({
    name,
    ...(mount.driver === undefined ? {} : { driver: mount.driver }),
    containerId: record.id,
  });
  // Somebody else's driver may have it at another place each time.
  if (mount.source !== volume.path) {
    mount.source = volume.path;
    context.repository.save(record);
  }
  if (mount.subpath === undefined) return volume.path;
  using part = volumes.openSubpath(name, mount.subpath);
  return showPart(context, record, part, index);
}

async function imageSource(
  context: Context,
  record: ContainerRecord,
  mount: ContainerMount,
  index: number,
): Promise<string> {
  const target = makeMountPoint(context, record.id, String(index), "directory");
  await context.snapshots.mount(mount.snapshotKey!, target, { volatile: true });
  if (mount.subpath === undefined) return target;
  using root = context.machine.openRoot(target);
  using part = context.machine.holdPath(root, mount.subpath);
  return showPart(context, record, part, index);
}

/**
 * A part of a volume by a path that nobody else can change. The runtime cannot be given the held file itself:
 * it works
 * in a mount namespace of its own, which has the mounts of this one but not its descriptors' mounts.
 */
function showPart(context: Context, record: ContainerRecord, part: HeldPath, index: number): string {
  const kind = part.isDirectory ? "directory" : "file";
  const target = makeMountPoint(context, record.id, `${index}-part`, kind);
  context.machine.bindMount(part.path, target);
  return target;
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
