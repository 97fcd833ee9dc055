import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, isAbsolute, relative, resolve } from "node:path";
import { systemText } from "../options/environment.ts";

/** Whether the engine is to fetch the context from an address. */
export function isRemote(argument: string): boolean {
  return /^(https?|git|ssh):\/\/|^git@|^github\.com\/|\.git(#.*)?$/.test(argument) && !existsSync(argument);
}

/** A tar, or one compressed by gzip, bzip2, xz or zstd. */
export function isArchive(bytes: Uint8Array): boolean {
  const magics = [
    [0x1f, 0x8b],
    [0x42, 0x5a, 0x68],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    [0x28, 0xb5, 0x2f, 0xfd],
  ];
  if (magics.some((magic) => magic.every((byte, index) => bytes[index] === byte))) return true;
  return new TextDecoder("latin1").decode(bytes.subarray(257, 262)) === "ustar";
}

export function realFolder(path: string): string {
  try {
    const folder = realpathSync(path);
    if (statSync(folder).isDirectory()) return folder;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") {
      throw new Error(`unable to prepare context: path ${JSON.stringify(path)} not found`, { cause: error });
    }
    throw new Error(`unable to prepare context: ${systemText(error)}`, { cause: error });
  }
  throw new Error(`unable to prepare context: context must be a directory: ${path}`);
}

/** The file's name in the context; undefined where it is outside. */
export function insideName(folder: string, file: string): string | undefined {
  const path = isAbsolute(file) || existsSync(file) ? resolve(file) : resolve(folder, file);
  const real = existsSync(path) ? `${realpathSync(resolve(path, ".."))}/${basename(path)}` : path;
  const name = relative(folder, real);
  return name.startsWith("..") ? undefined : name;
}

export async function* joined(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  yield first;
  yield* rest;
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
