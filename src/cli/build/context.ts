import { existsSync, readFileSync } from "node:fs";
import { type IgnoreRules, ignoreFileNames, parseIgnoreFile } from "../../lib/ignore/index.ts";
import { encodeHeader, padding, TAR_END } from "../../lib/index.ts";
import { packLocal } from "../copy/pack.ts";
import { standardInput } from "../terminal/stdin.ts";
import { insideName, isArchive, isRemote, joined, readAll, realFolder } from "./places.ts";

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

async function* oneFile(name: string, content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield* fileEntry(name, content);
  yield TAR_END;
}

function* fileEntry(name: string, content: Uint8Array): Generator<Uint8Array, void> {
  yield encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
  yield content;
  yield padding(content.length);
}
