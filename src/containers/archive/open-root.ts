import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { newId, notFound } from "../../lib/index.ts";
import type { RootDir } from "../../linux/index.ts";
import type { Context } from "../context.ts";
import { populateVolumes } from "../prepare.ts";
import { type ContainerMount, type ContainerRecord, hasProcess } from "../record.ts";
import { Undo } from "../undo.ts";

/** A container's files, for as long as somebody works with them. */
export interface OpenedRoot extends AsyncDisposable {
  readonly root: RootDir;
  /** The files are those that a living process sees, mounts of the kernel's included. */
  readonly live: boolean;
}

/**
 * Opens a container's root. Of one that runs it is the root that its processes see. One at rest is mounted
 * for the
 * purpose, with its volumes if wanted, and cannot be started or removed until it is closed.
 */
export async function openContainerRoot(
  context: Context,
  record: ContainerRecord,
  options: { volumes: boolean },
): Promise<OpenedRoot> {
  const running = openLive(context, record);
  if (running !== undefined) return running;
  const turn = await context.queues.turn(record.id);
  const undo = new Undo();
  undo.add("turn", () => turn[Symbol.dispose]());
  try {
    await context.runs.get(record.id)?.settled;
    if (context.repository.byId(record.id) !== record) throw notFound(`No such container: ${record.id}`);
    // It may have been started while we waited.
    const started = openLive(context, record);
    if (started !== undefined) {
      await undo.run();
      return started;
    }
    const root = await mountAtRest(context, record, options, undo);
    return { root, live: false, [Symbol.asyncDispose]: () => undo.run() };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

function openLive({ machine }: Context, record: ContainerRecord): OpenedRoot | undefined {
  const { pid, startTime } = record.state;
  if (!hasProcess(record)) return undefined;
  const root = tryOpen(() => machine.openRoot(`/proc/${pid}/root`));
  if (root === undefined) return undefined;
  // Looked at after the root is held: the number may meanwhile be another process's.
  if (!machine.isAlive(pid, startTime)) {
    root.close();
    return undefined;
  }
  return { root, live: true, [Symbol.asyncDispose]: async () => root.close() };
}

function tryOpen(open: () => RootDir): RootDir | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}

async function mountAtRest(
  context: Context,
  record: ContainerRecord,
  options: { volumes: boolean },
  undo: Undo,
): Promise<RootDir> {
  const { machine, snapshots, paths } = context;
  const target = join(paths.temporaryMounts, newId().slice(0, 16));
  mkdirSync(target, { recursive: true, mode: 0o700 });
  undo.add("mount point", () => rmdirSync(target));
  undo.add("mount", () => machine.detach(target));
  await snapshots.mount(record.id, target, { volatile: false });
  const root = machine.openRoot(target);
  undo.add("root", () => root.close());
  if (options.volumes) {
    undo.add("volumes", () => context.volumes.ended?.(record.id));
    await mountVolumes(context, record, root);
  }
  return root;
}

/** Outer ones first, so that those within them are found in them. */
async function mountVolumes(context: Context, record: ContainerRecord, root: RootDir): Promise<void> {
  const mounts = [...record.mounts].sort((a, b) => depth(a) - depth(b));
  for (const mount of mounts) {
    using source = await sourceOf(context, record, mount);
    if (source === undefined) continue;
    if (mount.type === "volume") await populateVolumes(context, { ...record, mounts: [mount] }, root);
    context.machine.bindInto(root, mount.destination, source.path, {
      recursive: mount.nonRecursive !== true,
      readOnly: mount.readOnly,
    });
  }
}

const depth = ({ destination }: ContainerMount) => destination.split("/").length;

async function sourceOf(
  { volumes }: Context,
  record: ContainerRecord,
  mount: ContainerMount,
): Promise<({ path: string } & Disposable) | undefined> {
  const plain = (path: string) => ({ path, [Symbol.dispose]: () => {} });
  if (mount.type === "bind") return existsSync(mount.source) ? plain(mount.source) : undefined;
  if (mount.type !== "volume") return undefined;
  const name = mount.name!;
  const volume = await volumes.acquire({ name, containerId: record.id });
  return mount.subpath === undefined ? plain(volume.path) : volumes.openSubpath(name, mount.subpath);
}
