import type { BuildOptions } from "../../sdk/index.ts";
import { standardInput } from "../terminal/stdin.ts";

/**
 * What `build` is given: a folder, an address, or `-` for standard input, which is a tar or a Dockerfile.
 * @param file what `-f` says; `-` is a Dockerfile on standard input
 * @throws with Docker's words
 */
export async function readInput(
  argument: string,
  file: string,
): Promise<Pick<BuildOptions, "context" | "dockerfile" | "dockerfileInline">> {
  if (argument === "-") return standardContext(file);
  if (file === "-") return { context: argument, dockerfileInline: await readAll(standardInput()) };
  return { context: argument, dockerfile: file };
}

async function standardContext(
  file: string,
): Promise<Pick<BuildOptions, "context" | "dockerfile" | "dockerfileInline">> {
  if (file === "-")
    throw new Error("invalid argument: can't use stdin for both build context and dockerfile");
  const input = standardInput();
  let first: Uint8Array = new Uint8Array(0);
  // A tar is known by its first block, which may come in pieces.
  for (let next = await input.next(); next.done !== true; next = await input.next()) {
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
    if (first.length >= 512) break;
  }
  const bytes = joined(first, input);
  if (isArchive(first)) return { context: bytes, dockerfile: file };
  if (file !== "")
    throw new Error("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  return { dockerfileInline: await readAll(bytes) };
}

/** A tar, or one compressed by gzip, bzip2, xz or zstd. */
function isArchive(bytes: Uint8Array): boolean {
  const magics = [
    [0x1f, 0x8b],
    [0x42, 0x5a, 0x68],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    [0x28, 0xb5, 0x2f, 0xfd],
  ];
  if (magics.some((magic) => magic.every((byte, index) => bytes[index] === byte))) return true;
  return new TextDecoder("latin1").decode(bytes.subarray(257, 262)) === "ustar";
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield first;
  yield* rest;
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
