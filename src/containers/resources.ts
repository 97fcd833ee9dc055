import { existsSync, mkdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { log, messageOf, newId } from "../lib/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * Gives back everything that a container has apart from its record: writable layer, volumes, directory,
 * holds. Also
 * the undo of a create, and of one that a crash cut short: nothing of it need be there.
 */
export async function giveBack(
  context: Context,
  record: ContainerRecord,
  options: { anonymousVolumes: boolean },
): Promise<void> {
  context.streams.execs.remove(record.id);
  context.streams.outputs.remove(record.id);
  await Promise.all([
    context.snapshots.remove(record.id),
    ...imageMountKeys(record).map((key) => context.snapshots.remove(key)),
    giveBackVolumes(context, record, options.anonymousVolumes),
    context.endpoints.release(record.id),
  ]);
  discardDirectory(context, context.paths.container(record.id));
  for (const key of [record.id, ...imageMountKeys(record)]) context.images.release(key);
}

function imageMountKeys(record: ContainerRecord): string[] {
  return record.mounts.flatMap(({ snapshotKey }) => (snapshotKey === undefined ? [] : [snapshotKey]));
}

async function giveBackVolumes(context: Context, record: ContainerRecord, anonymous: boolean): Promise<void> {
  await context.volumes.release(record.id);
  const names = record.mounts.flatMap(({ anonymous: own, name }) =>
    own && name !== undefined ? [name] : [],
  );
  if (anonymous && names.length > 0) await context.volumes.removeAnonymous(record.id, names);
}

/** Takes a directory out of sight at once, and deletes it in the background. */
export function discardDirectory(context: Pick<Context, "paths">, directory: string): void {
  if (!existsSync(directory)) return;
  mkdirSync(context.paths.trash, { recursive: true, mode: 0o700 });
  const doomed = join(context.paths.trash, `container-${newId().slice(0, 16)}`);
  renameSync(directory, doomed);
  rm(doomed, { recursive: true, force: true }).catch((error: unknown) =>
    log.warn("cannot empty the trash", { path: doomed, error: messageOf(error) }),
  );
}
