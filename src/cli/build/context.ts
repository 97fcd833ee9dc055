import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, isAbsolute, relative, resolve } from "node:path";
import { type IgnoreRules, ignoreFileNames, parseIgnoreFile } from "../../lib/ignore/index.ts";
import { encodeHeader, padding, TAR_END } from "../../lib/index.ts";
import { packLocal } from "../copy/pack.ts";
import { systemText } from "../options/environment.ts";
import { standardInput } from "../terminal/stdin.ts";

/** What a build is made from. */
export interface BuildContext {
  /** The context's tar; undefined where the engine fetches it. */
  readonly tar?: AsyncIterable<Uint8Array>;
  /** An address that the engine fetches. */
  readonly remote?: string;
  /** The Dockerfile's name in the context. */
  readonly dockerfile: string;
}

/** A Dockerfile from outside of the context travels under a name that no file of the context has. */
const OUTSIDE_NAME = ".dockerfile.berth";

/**
 * Reads the last argument of `build`: a folder, an address, or `-` for stdin, which is a tar or a Dockerfile.
 * @param file what `-f` says.
 */
export async function openContext(argument: string, file: string): Promise<BuildContext> {
  if (argument === "-") return standardContext(file);
  if (isRemote(argument)) return { remote: argument, dockerfile: file };
  return folderContext(argument, file);
}

/** Whether the engine is to fetch the context from an address. */
export function isRemote(argument: string): boolean {
  return /^(https?|git|ssh):\/\/|^git@|^github\.com\/|\.git(#.*)?$/.test(argument) && !existsSync(argument);
}

async function standardContext(file: string): Promise<BuildContext> {
  if (file === "-")
    throw new Error("invalid argument: can't use stdin for both build context and dockerfile");
  const input = standardInput();
  const first = (await input.next()).value ?? new Uint8Array(0);
  if (isArchive(first)) return { tar: joined(first, input), dockerfile: file };
  if (file !== "")
    throw new Error("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  const dockerfile = await readAll(joined(first, input));
  return { tar: oneFile("Dockerfile", dockerfile), dockerfile: "Dockerfile" };
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

async function folderContext(argument: string, file: string): Promise<BuildContext> {
  const folder = realFolder(argument);
  const outside = file === "-" ? await readAll(standardInput()) : undefined;
  const dockerfile = file === "" || file === "-" ? "Dockerfile" : insideName(folder, file);
  const content = outside ?? (dockerfile === undefined ? readFileSync(file) : undefined);
  const name = content === undefined ? (dockerfile ?? "Dockerfile") : OUTSIDE_NAME;
  if (content === undefined && !existsSync(`${folder}/${name}`)) {
    throw new Error(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${folder}/${name}: no such file or directory`,
    );
  }
  return { tar: packFolder(folder, name, content), dockerfile: name };
}

async function* packFolder(
  folder: string,
  dockerfile: string,
  content: Uint8Array | undefined,
): AsyncGenerator<Uint8Array, void> {
  const rules = readIgnore(folder, dockerfile);
  // The engine needs these two, whatever is ignored; it takes them out again itself.
  const needed = new Set([dockerfile, ".dockerignore"]);
  const leaveOut = (name: string) => !needed.has(name) && rules.leavesOut(name);
  const descend = rules.hasExceptions || dockerfile.includes("/");
  if (content !== undefined) yield* fileEntry(dockerfile, content);
  yield* packLocal(`${folder}/.`, { leaveOut, descend, asRoot: true });
}

/** A Dockerfile may have rules of its own beside it. */
function readIgnore(folder: string, dockerfile: string): IgnoreRules {
  const name = ignoreFileNames(dockerfile).find((candidate) => existsSync(`${folder}/${candidate}`));
  return parseIgnoreFile(name === undefined ? "" : readFileSync(`${folder}/${name}`, "utf8"));
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

async function* oneFile(name: string, content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield* fileEntry(name, content);
  yield TAR_END;
}

function* fileEntry(name: string, content: Uint8Array): Generator<Uint8Array, void> {
  yield encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
  yield content;
  yield padding(content.length);
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
