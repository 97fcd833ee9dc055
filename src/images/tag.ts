import { type Digest, invalidParameter } from "../lib/index.ts";
import { type ImageContext, tellImageEvent } from "./context.ts";
import {
  familiarName,
  fullName,
  type ImageName,
  parseImageName,
  parseRepositoryAndTag,
} from "./reference.ts";
import { resolveImage } from "./resolve.ts";
import type { Move } from "./versions/moves.ts";
import { recordMove } from "./versions/record.ts";

/** `docker tag`. @throws NotFound; InvalidParameter for a name that is none */
export async function tagImage(
  context: ImageContext,
  source: string,
  repository: string,
  tag: string | undefined,
): Promise<void> {
  if (repository === "") throw invalidParameter("invalid reference format");
  if (parseImageName(repository).digest !== undefined) {
    throw invalidParameter("refusing to create a tag with a digest reference");
  }
  const name = parseRepositoryAndTag(repository, tag ?? "");
  const found = resolveImage(context, source);
  const { id } = found.record.document;
  pointTag(context, name, id, {
    kind: "tag",
    from: found.name === undefined ? id : familiarName(found.name),
  });
  await context.catalog.durable();
}

/**
 * Points a tag at an image, records that, and says so.
 * @returns the image that it pointed at before, if another
 * @throws InvalidParameter for a repository of which every tag would look like an id
 */
export function pointTag(context: ImageContext, name: ImageName, id: Digest, how: Move): Digest | undefined {
  if (/^sha256(?::|$)/.test(familiarName(name))) {
    throw invalidParameter("refusing to create an ambiguous tag using digest algorithm as name");
  }
  const { catalog } = context;
  const key = fullName(name);
  const before = catalog.write(() => {
    const old = catalog.imageOf(key);
    catalog.setName(key, id, false);
    if (old !== id) recordMove(context, key, { before: old, after: id, how });
    return old;
  });
  tellImageEvent(context, "tag", id, familiarName(name));
  return before === id ? undefined : before;
}
