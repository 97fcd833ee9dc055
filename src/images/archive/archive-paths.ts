import { type Digest, digestOf, invalidParameter, isDigest } from "../../lib/index.ts";

/** `blobs/sha256/<hex>`: OCI's image layout names content by its digest. */
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;
/** `<hex>.json`: Docker's old layout names configurations by theirs. */
const CONFIG = /^([0-9a-f]{64})\.json$/;

/** The digest that a path promises its content to have. */
export function promisedDigest(path: string): Digest | undefined {
  const hex = BLOB.exec(path)?.[1] ?? CONFIG.exec(path)?.[1];
  return hex === undefined ? undefined : (`sha256:${hex}` as Digest);
}

/** @throws InvalidParameter where the content is not what its path promises */
export function verifyPath(path: string, actual: Digest): void {
  const promised = promisedDigest(path);
  if (promised !== undefined && promised !== actual) {
    throw invalidParameter(`invalid archive: the digest of ${path} is ${actual}`);
  }
}

export function verifyBytes(path: string, bytes: Uint8Array): void {
  verifyPath(path, digestOf(bytes));
}

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${digest.slice("sha256:".length)}`;
}

/**
 * A member's name, or what a manifest names, as a clean relative path.
 * @throws InvalidParameter where it leads out of the archive
 */
export function cleanPath(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      throw invalidParameter(`invalid archive: ${JSON.stringify(name.slice(0, 200))} leads out of it`);
    }
  }
  return parts.join("/");
}

/** @throws InvalidParameter */
export function requireDigest(value: unknown): Digest {
  if (typeof value !== "string" || !isDigest(value)) {
    throw invalidParameter("invalid archive: a descriptor has no sha256 digest");
  }
  return value;
}
