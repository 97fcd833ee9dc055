import { type Digest, digestOf } from "../../lib/index.ts";

/**
 * A cache key: the digest of everything that decides on a result. The version is raised when the same input comes to be
 * made into something else.
 */
export function cacheKey(kind: string, version: number, parts: readonly unknown[]): Digest {
  return digestOf(JSON.stringify([kind, version, ...parts]));
}
