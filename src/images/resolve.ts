import { type Digest, digestHex, invalidParameter, notFound } from "../lib/index.ts";
import type { ImageRecord } from "./catalog.ts";
import type { ImageContext } from "./context.ts";
import {
  fullName,
  type ImageName,
  type ImageReference,
  noSuchImageText,
  parseImageReference,
  repositoryOf,
  withDefaultTag,
} from "./reference.ts";

/** An image, and how it was found. */
export interface Resolved {
  readonly record: ImageRecord;
  /** The name that led to it; undefined where an id, or the beginning of one, did. */
  readonly name: ImageName | undefined;
}

/** Digits of an id that are enough for one; with or without its algorithm. */
const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/**
 * Finds an image in the order in which Docker looks: whole id, name (a digest goes before a tag), beginning of an id.
 * @throws InvalidParameter `invalid reference format`; NotFound `No such image: x:latest`
 */
export function resolveImage({ catalog }: ImageContext, text: string): Resolved {
  const reference = parseImageReference(text);
  if (reference.kind === "id")
    return { record: required(catalog.get(reference.id), reference), name: undefined };
  const name = withDefaultTag(reference.name);
  const named = catalog.imageOf(keyOf(name));
  if (named !== undefined) return { record: required(catalog.get(named), reference), name };
  const digits = ID_PREFIX.exec(text)?.[1];
  const ids = digits === undefined ? [] : catalog.startingWith(digits);
  if (ids.length > 1) {
    throw notFound(`${noSuchImageText(reference)}: several images have an id that begins with ${digits}`);
  }
  return { record: required(ids[0] && catalog.get(ids[0]), reference), name: undefined };
}

function required(record: ImageRecord | undefined, reference: ImageReference): ImageRecord {
  if (record === undefined) throw notFound(noSuchImageText(reference));
  return record;
}

/** The name under which the catalog has a reference: with a digest, the tag beside it says nothing. */
export function keyOf(name: ImageName): string {
  return name.digest === undefined ? fullName(name) : `${repositoryOf(name)}@${name.digest}`;
}

/** Whether the text is the beginning of the id. */
export function isIdPrefix(id: Digest, text: string): boolean {
  return id.startsWith(text) || digestHex(id).startsWith(text);
}

/**
 * Checks that an image is for a platform that was asked for: `linux`, `linux/amd64`, `linux/arm/v7`.
 * @throws InvalidParameter where the text is no platform; NotFound where the image is for another
 */
export function checkPlatform(record: ImageRecord, reference: string, platform: string | undefined): void {
  if (platform === undefined || platform === "") return;
  const wanted = parsePlatform(platform);
  const { os, architecture, variant } = record.document;
  const matches =
    wanted.os === os &&
    (wanted.architecture === undefined || wanted.architecture === architecture) &&
    (wanted.variant === undefined || wanted.variant === (variant ?? wanted.variant));
  if (matches) return;
  const actual = [os, architecture, variant].filter(Boolean).join("/");
  throw notFound(
    `image with reference ${reference} was found but its platform (${actual}) does not match the specified platform (${platform})`,
  );
}

/** Names that mean the same architecture (containerd's platforms package). */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
  i686: "386",
  armhf: "arm",
  armel: "arm",
};

/** @throws InvalidParameter */
export function parsePlatform(text: string): { os: string; architecture?: string; variant?: string } {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw invalidParameter(`"${text.slice(0, 100)}": invalid platform`);
  }
  const [os, architecture, variant] = parts;
  if (architecture === undefined) return { os: os! };
  const known = ARCHITECTURES[architecture] ?? architecture;
  return { os: os!, architecture: known, ...(variant === undefined ? {} : { variant }) };
}
