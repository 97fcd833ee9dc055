import { conflict } from "../lib/index.ts";
import { packTree, type RootDir } from "../linux/index.ts";
import type { ContainerConfig, FilesystemChange } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { freezeContainers } from "./freeze.ts";
import type { ContainerRecord } from "./record.ts";
import type { CommitRequestOptions } from "./requests.ts";
import { ENGINE_PATHS, usersChanges } from "./rootfs-layout.ts";

/** `docker diff` */
export async function containerChanges(
  context: Context,
  record: ContainerRecord,
): Promise<FilesystemChange[]> {
  return usersChanges(await context.snapshots.changes(record.id, { exclude: ENGINE_PATHS }));
}

/** `docker export`: the root as one tar, without what is mounted in it. */
export async function* exportContainer(
  context: Context,
  record: ContainerRecord,
): AsyncGenerator<Uint8Array, void, undefined> {
  assertWhole(record, "export");
  using root: RootDir = await context.snapshots.view(record.id);
  emit(context, record, "export");
  yield* packTree(root, "/", { name: "", reuseChunks: true });
}

/** `docker commit`: what the container changed becomes a layer on its image. */
export async function commitContainer(
  context: Context,
  record: ContainerRecord,
  options: CommitRequestOptions,
): Promise<{ Id: string }> {
  assertWhole(record, "commit");
  // Files don't change while they are read. One that was paused before stays so.
  await using _frozen = options.pause ? await freezeContainers(context, [record.id]) : undefined;
  const { id } = await context.images.commit({
    containerId: record.id,
    containerName: record.name,
    imageId: record.imageId,
    config: options.config === undefined ? record.config : filledFrom(options.config, record.config),
    ...(options.repository === undefined ? {} : { repository: options.repository }),
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(options.comment === undefined ? {} : { comment: options.comment }),
    ...(options.author === undefined ? {} : { author: options.author }),
    changes: options.changes,
    exclude: ENGINE_PATHS,
  });
  emit(context, record, "commit", {
    comment: options.comment ?? "",
    imageID: id,
    imageRef: imageRef(options),
  });
  return { Id: id };
}

/** The familiar form: clients send the full one. */
function imageRef({ repository, tag }: CommitRequestOptions): string {
  const familiar = repository?.replace(/^docker\.io\/(?:library\/)?/, "");
  return familiar ? `${familiar}:${tag || "latest"}` : "";
}

/** What a request's configuration leaves open is the container's. */
function filledFrom(wanted: ContainerConfig, container: ContainerConfig): ContainerConfig {
  const said = Object.entries(wanted).filter(([, value]) => {
    if (value === null || value === undefined || value === "") return false;
    return typeof value !== "object" || Object.keys(value).length > 0;
  });
  return { ...container, ...Object.fromEntries(said) };
}

/** @throws Conflict for what is on its way out */
function assertWhole(record: ContainerRecord, verb: string): void {
  if (record.state.status === "dead")
    throw conflict(`You cannot ${verb} container ${record.id} which is Dead`);
  if (record.state.status === "removing") {
    throw conflict(`You cannot ${verb} container ${record.id} which is being removed`);
  }
}
