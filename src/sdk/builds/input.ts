import { existsSync, realpathSync, statSync } from "node:fs";
import { invalidParameter } from "../../lib/index.ts";
import { type MemoryFiles, memoryFiles } from "./memory-context.ts";
import type { BuildOptions } from "./options.ts";
import { isRemote, realFolder } from "./places.ts";

/** What a build is made from, as it is found on this machine. */
export interface BuildInput {
  readonly context:
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "remote"; readonly url: string }
    | { readonly kind: "tar"; readonly bytes: AsyncIterable<Uint8Array> }
    | { readonly kind: "files"; readonly files: MemoryFiles }
    /** Only a Dockerfile. */
    | { readonly kind: "nothing" };
  readonly dockerfile: /** A path within the context. */
    | { readonly kind: "inside"; readonly name: string }
    /** Not in the context: its text, and its own ignore file where there is one. */
    | { readonly kind: "text"; readonly text: Uint8Array; readonly ignore: Uint8Array | undefined };
  /** Named contexts: folders, and addresses of all kinds. */
  readonly named: ReadonlyMap<string, NamedContext>;
}

export type NamedContext =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "address"; readonly address: string };

/** What is said of a Dockerfile that is not there. */
export type Missing = (path: string) => Error;

const missingInBuildKit: Missing = (path) =>
  new Error(`failed to read dockerfile: open ${path}: no such file or directory`);

/** In the words of engines without BuildKit. */
export const missingInClassic: Missing = (path) =>
  new Error(
    `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
  );

/** @throws with Docker's words */
export async function readInput(
  options: BuildOptions,
  missing: Missing = missingInBuildKit,
): Promise<BuildInput> {
  const { context, dockerfile = "", contexts = {} } = options;
  const named = new Map(Object.entries(contexts).map(readNamed));
  const inline = inlineDockerfile(options);
  if (context === undefined) {
    if (inline === undefined) throw invalidParameter("a build needs a context or a Dockerfile");
    return { context: { kind: "nothing" }, dockerfile: inline, named };
  }
  const inside = { kind: "inside", name: dockerfile || "Dockerfile" } as const;
  if (typeof context === "string") {
    if (isRemote(context))
      return { context: { kind: "remote", url: context }, dockerfile: inline ?? inside, named };
    const path = realFolder(context);
    return {
      context: { kind: "folder", path },
      dockerfile: inline ?? (await inFolder(path, dockerfile, missing)),
      named,
    };
  }
  if (Symbol.asyncIterator in context) {
    if (inline !== undefined)
      throw invalidParameter("the Dockerfile of a build from a tar has to be in the tar");
    const bytes = context as AsyncIterable<Uint8Array>;
    return { context: { kind: "tar", bytes }, dockerfile: inside, named };
  }
  const files = memoryFiles(context, inline?.text);
  return {
    context: { kind: "files", files },
    dockerfile: { kind: "inside", name: files.dockerfile ?? inside.name },
    named,
  };
}

function inlineDockerfile({ dockerfileInline }: BuildOptions) {
  if (dockerfileInline === undefined) return undefined;
  const text =
    typeof dockerfileInline === "string" ? new TextEncoder().encode(dockerfileInline) : dockerfileInline;
  return { kind: "text", text, ignore: undefined } as const;
}

async function inFolder(folder: string, file: string, missing: Missing): Promise<BuildInput["dockerfile"]> {
  if (file === "") return { kind: "inside", name: defaultName(folder, missing) };
  const { namedDockerfile } = await import("./named-dockerfile.ts");
  return namedDockerfile(folder, file, missing);
}

/** What BuildKit takes where there is no `Dockerfile`. */
function defaultName(folder: string, missing: Missing): string {
  if (!existsSync(`${folder}/Dockerfile`)) {
    if (existsSync(`${folder}/dockerfile`)) return "dockerfile";
    throw missing("Dockerfile");
  }
  return "Dockerfile";
}

function readNamed([name, value]: [string, string]): [string, NamedContext] {
  if (/^(docker-image|oci-layout|target):\/\//.test(value) || isRemote(value)) {
    return [name, { kind: "address", address: value }];
  }
  const stat = statSync(value, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new Error(`failed to get build context ${name}: stat ${value}: no such file or directory`);
  if (!stat.isDirectory())
    throw new Error(`failed to get build context ${name}: ${value} is not a directory`);
  return [name, { kind: "folder", path: realpathSync(value) }];
}
