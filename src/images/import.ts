import { type Digest, faultPoint } from "../lib/index.ts";
import { applyChanges } from "./changes/apply.ts";
import { newImageDocument } from "./config.ts";
import { type ImageContext, tellImageEvent } from "./context.ts";
import { parseRepositoryAndTag } from "./reference.ts";
import { parsePlatform } from "./resolve.ts";
import { pointTag } from "./tag.ts";
import { nowRfc3339 } from "./time.ts";

export interface ImportOptions {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  readonly message?: string | undefined;
  /** `linux/arm64`: what the image is for; this machine's by default. */
  readonly platform?: string | undefined;
  /** Dockerfile instructions: `CMD ["x"]`. */
  readonly changes?: readonly string[] | undefined;
}

/**
 * `docker import`: an image of one layer from the tar of a root file system, compressed or not.
 * @returns the image's id
 * @throws InvalidParameter for bad names, changes or archives; nothing stays then
 */
export async function importImage(
  context: ImageContext,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Digest> {
  const { repository, tag, message, changes } = options;
  const name = repository ? parseRepositoryAndTag(repository, tag ?? "") : undefined;
  const platform = options.platform ? parsePlatform(options.platform) : undefined;
  const config = applyChanges({}, changes ?? []);
  await using layer = await context.layers.receive(source, { toKeep: true, compressed: true });
  using held = await layer.keep();
  const created = nowRfc3339();
  const comment = message || "Imported from -";
  const document = newImageDocument({
    created,
    comment,
    architecture: platform?.architecture ?? context.platform.architecture,
    variant: platform?.variant,
    os: platform?.os ?? context.platform.os,
    config,
    layers: [held.diffId],
    history: [{ created, comment }],
  });
  context.catalog.write(() => {
    context.catalog.add(document);
    if (name !== undefined) pointTag(context, name, document.id, { kind: "import" });
  });
  faultPoint("image-recorded");
  await context.catalog.durable();
  tellImageEvent(context, "import", document.id, document.id);
  return document.id;
}
