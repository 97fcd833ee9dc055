import { conflict, notFound } from "../../lib/index.ts";
import type { ImageRollbackResponse } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { familiarName, fullName } from "../reference.ts";
import { pointTag } from "../tag.ts";
import { imageOfVersion, noSuchVersion, tagNameOf, versionsOf } from "./reference.ts";

/**
 * `berth image rollback`: points a name at what it was in an earlier version; without a number, at the last image that it
 * pointed at before the present one. That is a version like any other, and can be undone the same way.
 * @throws NotFound for a name or a version that is not known; Conflict where the image is not here any more, or is the
 * present one
 */
export async function rollBack(
  context: ImageContext,
  text: string,
  wanted: number | undefined,
): Promise<ImageRollbackResponse> {
  const name = tagNameOf(text);
  const key = fullName(name);
  const { catalog, versions } = context;
  const rows = versionsOf(context, name);
  const present = catalog.imageOf(key);
  const target =
    wanted === undefined
      ? rows.find(({ image }) => image !== undefined && image !== present)
      : rows.find(({ number }) => number === wanted);
  if (target === undefined) {
    throw wanted === undefined
      ? notFound(`${familiarName(name)} has no earlier version to go back to`)
      : noSuchVersion(name, rows, wanted);
  }
  const { id } = imageOfVersion(context, name, target).document;
  if (id === present) throw conflict(`${familiarName(name)} is at version ${target.number} already`);
  pointTag(context, name, id, { kind: "rollback", version: target.number });
  const number = versions.records.last(key)?.number ?? 0;
  await catalog.durable();
  return {
    Name: familiarName(name),
    Restored: target.number,
    Number: number,
    Image: id,
    Before: present ?? "",
  };
}
