import { invalidParameter } from "./errors.ts";

/** `sha256:` and 64 lower-case hex digits (OCI image-spec, descriptor.md). Made only by `parseDigest` and hashing. */
export type Digest = string & { readonly __brand: "Digest" };

const SHA256 = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return SHA256.test(text);
}

/** @throws InvalidParameter where the text is no sha256 digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidParameter(`invalid digest: ${JSON.stringify(text.slice(0, 100))}`);
  return text;
}

/** The digest of bytes that are already in memory. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` as Digest;
}

/** The 64 hex digits without the algorithm: a blob's file name. */
export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}
