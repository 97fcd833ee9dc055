import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

interface GiveBackOptions {
  readonly anonymousVolumes: boolean;
  /** Comes when it has left its networks and its volumes. */
  readonly left?: () => void;
}

/**
 * Gives back everything that a container has apart from its record: writable layer, volumes, directory,
 * holds. Also
 * the undo of a create, and of one that a crash cut short: nothing of it need be there.
 */
export async function giveBack(
  context: Context,
  record: ContainerRecord,
  options: GiveBackOptions,
): Promise<void> {
  context.streams.execs.remove(record.id);
  context.streams.outputs.remove(record.id);
  const networks = context.endpoints.release(record.id);
  await Promise.all([
    networks,
    context.snapshots.remove(record.id),
    ...imageMountKeys(record).map((key) => context.snapshots.remove(key)),
    giveBackVolumes(context, record, options, networks),
  ]);
  context.trash.take(context.paths.container(record.id));
  for (const key of [record.id, ...imageMountKeys(record)]) context.images.release(key);
}

function imageMountKeys(record: ContainerRecord): string[] {
  return record.mounts.flatMap(({ snapshotKey }) => (snapshotKey === undefined ? [] : [snapshotKey]));
}

async function giveBackVolumes(
  context: Context,
  record: ContainerRecord,
  options: GiveBackOptions,
  networks: Promise<void>,
): Promise<void> {
  // Whoever follows the events sees it leave its networks before its volumes, as with Docker.
  await Promise.all([context.volumes.release(record.id), networks.catch(() => {})]);
  options.left?.();
  const names = record.mounts.flatMap(({ anonymous: own, name }) =>
    own && name !== undefined ? [name] : [],
  );
  if (options.anonymousVolumes && names.length > 0) await context.volumes.removeAnonymous(record.id, names);
}
