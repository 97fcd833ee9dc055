import { type Digest, faultPoint, notFound } from "../lib/index.ts";
import type { ContainerConfig, ImageConfig } from "../wire/index.ts";
import { applyChanges } from "./changes/apply.ts";
import { newImageDocument } from "./config.ts";
import { mergeImageConfig, onlyImageFields } from "./config-merge.ts";
import type { ImageContext } from "./context.ts";
import { parseRepositoryAndTag } from "./reference.ts";
import type { Snapshot, Snapshotter } from "./snapshots/snapshotter.ts";
import { pointTag } from "./tag.ts";
import { nowRfc3339 } from "./time.ts";
import type { Move } from "./versions/moves.ts";

/** The digest of an empty tar: two blocks of zeros. A commit without changes gets no layer, as by Docker. */
const EMPTY_LAYER = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

export interface CommitOptions {
  readonly containerId: string;
  /** For the record of how the image came about. */
  readonly containerName?: string | undefined;
  /** The image that the container was made from. */
  readonly imageId: string;
  /** The container's configuration, or the one of the request's body. */
  readonly config: ContainerConfig;
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  readonly comment?: string | undefined;
  readonly author?: string | undefined;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[] | undefined;
  /** Absolute paths that the engine made in the writable layer and that are not the user's. */
  readonly exclude?: readonly string[] | undefined;
}

/**
 * `docker commit`: the image's layers with the container's changes as one more, and the container's configuration.
 * @throws InvalidParameter for bad names or changes
 */
export async function commitSnapshot(
  context: ImageContext,
  snapshotter: Snapshotter,
  snapshot: Snapshot,
  options: CommitOptions,
): Promise<Digest> {
  const { catalog, layers } = context;
  const name = options.repository ? parseRepositoryAndTag(options.repository, options.tag ?? "") : undefined;
  const changed = applyChanges(options.config, options.changes ?? []);
  const config: ImageConfig = onlyImageFields(mergeImageConfig(changed, options.config));
  const base = catalog.getRemoved(options.imageId as Digest)?.document;
  if (base === undefined) throw notFound(`No such image: ${options.imageId}`);
  using _below = await layers.holdAll(base.layers);
  await using layer = await layers.receive(snapshotter.diff(snapshot, { exclude: options.exclude ?? [] }));
  const isEmpty = layer.diffId === EMPTY_LAYER;
  using held = isEmpty ? undefined : await layer.keep();
  const created = nowRfc3339();
  const document = newImageDocument({
    created,
    author: options.author,
    comment: options.comment,
    architecture: base.architecture || context.platform.architecture,
    variant: base.variant,
    os: base.os,
    osVersion: base.osVersion,
    config,
    layers: held === undefined ? base.layers : [...base.layers, held.diffId],
    history: [
      ...base.history,
      {
        created,
        createdBy: (options.config.Cmd ?? []).join(" "),
        author: options.author,
        comment: options.comment,
        emptyLayer: isEmpty,
      },
    ],
  });
  catalog.write(() => {
    catalog.add(document, catalog.get(base.id) === undefined ? undefined : base.id);
    const how: Move = {
      kind: "commit",
      container: options.containerId,
      containerName: options.containerName,
    };
    if (name !== undefined) pointTag(context, name, document.id, how);
  });
  faultPoint("image-recorded");
  await catalog.durable();
  return document.id;
}
