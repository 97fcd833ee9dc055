import { conflict, type Digest, type EngineError, invalidParameter, notFound } from "../../lib/index.ts";
import type { ImageRecord } from "../catalog.ts";
import type { ImageContext } from "../context.ts";
import {
  familiarName,
  fullName,
  type ImageName,
  noSuchImageText,
  parseImageName,
  repositoryOf,
  withDefaultTag,
} from "../reference.ts";
import { resolveImage } from "../resolve.ts";
import type { VersionRecord } from "./records.ts";

/**
 * Names of versions. `debian:12@3` is the third version of `debian:12`; `debian:12~2` is what it was two versions before the
 * present one, and `debian:12~` the one before. Neither can be part of a name: a digest has a colon behind the `@`.
 */
const VERSIONED = /^(.+?)(?:@(\d{1,9})|~(\d{0,9}))$/;

/** An image by anything that names one, a version among it. @throws NotFound, InvalidParameter, Conflict */
export function resolveVersioned(context: ImageContext, text: string): ImageRecord {
  const match = VERSIONED.exec(text);
  if (match === null) return resolveImage(context, text).record;
  const [, nameText, number, back] = match;
  const name = tagNameOf(nameText!);
  const rows = versionsOf(context, name);
  const row =
    number === undefined
      ? rows[Number(back || "1")]
      : rows.find((version) => version.number === Number(number));
  if (row === undefined) throw noSuchVersion(name, rows, number ?? `~${back || "1"}`);
  return imageOfVersion(context, name, row);
}

/** A name whose moves are recorded: one with a tag. @throws InvalidParameter */
export function tagNameOf(text: string): ImageName {
  const name = withDefaultTag(parseImageName(text));
  if (name.digest !== undefined) throw invalidParameter("only tags have versions: a digest never moves");
  return name;
}

/** Newest first; at least one. @throws NotFound where nothing is known of the name */
export function versionsOf({ catalog, versions }: ImageContext, name: ImageName): VersionRecord[] {
  const rows = versions.records.of(fullName(name));
  if (rows.length > 0) return rows;
  if (catalog.imageOf(fullName(name)) === undefined) throw notFound(noSuchImageText({ kind: "name", name }));
  throw notFound(`no versions of ${familiarName(name)} are kept`);
}

export function noSuchVersion(
  name: ImageName,
  rows: readonly VersionRecord[],
  wanted: string | number,
): EngineError {
  const numbers = rows.map(({ number }) => number).reverse();
  return notFound(
    `${familiarName(name)} has no version ${wanted}; kept are ${numbers.slice(0, 50).join(", ")}`,
  );
}

/** @throws Conflict, with what to do about it, where the version has no image that is here */
export function imageOfVersion(
  { catalog }: ImageContext,
  name: ImageName,
  version: VersionRecord,
): ImageRecord {
  const what = `version ${version.number} of ${familiarName(name)}`;
  if (version.image === undefined) throw conflict(`${what} has no image: the name was removed then`);
  const record = catalog.get(version.image);
  if (record !== undefined) return record;
  const pull = pullReferenceOf(name, version);
  const way =
    pull === undefined
      ? "it was not pulled, so that it can only be made anew"
      : `"pull ${pull}" brings it back`;
  throw conflict(`the image of ${what} is gone (${shortened(version.image)}): ${way}`);
}

const shortened = (id: Digest) => id.slice(0, "sha256:".length + 12);

/** By which the image of a version can be pulled again; undefined where it did not come from a registry. */
export function pullReferenceOf(name: ImageName, { how }: VersionRecord): string | undefined {
  if (how.Kind !== "pull" || how.Digest === undefined) return undefined;
  return familiarName(parseImageName(`${repositoryOf(name)}@${how.Digest}`));
}
