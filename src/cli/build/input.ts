import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { standardInput } from "../terminal/stdin.ts";
import { insideName, isArchive, isRemote, joined, readAll, realFolder } from "./places.ts";

/** What a build is made from, as it is found on this machine. */
export interface BuildInput {
  readonly context:
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "remote"; readonly url: string }
    /** A tar on standard input. */
    | { readonly kind: "tar"; readonly bytes: AsyncIterable<Uint8Array> }
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

/** @param file what `-f` says. @throws with Docker's words */
export async function readInput(
  argument: string,
  file: string,
  contexts: readonly string[],
): Promise<BuildInput> {
  const named = new Map(contexts.map(parseNamed));
  if (argument === "-") return { ...(await standardContext(file)), named };
  if (isRemote(argument)) {
    const dockerfile =
      file === "-"
        ? { kind: "text" as const, text: await readAll(standardInput()), ignore: undefined }
        : { kind: "inside" as const, name: file || "Dockerfile" };
    return { context: { kind: "remote", url: argument }, dockerfile, named };
  }
  const path = realFolder(argument);
  return { context: { kind: "folder", path }, dockerfile: await folderDockerfile(path, file), named };
}

async function standardContext(file: string): Promise<Pick<BuildInput, "context" | "dockerfile">> {
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
  if (isArchive(first))
    return { context: { kind: "tar", bytes }, dockerfile: { kind: "inside", name: file || "Dockerfile" } };
  if (file !== "")
    throw new Error("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  return {
    context: { kind: "nothing" },
    dockerfile: { kind: "text", text: await readAll(bytes), ignore: undefined },
  };
}

async function folderDockerfile(folder: string, file: string): Promise<BuildInput["dockerfile"]> {
  if (file === "-") return { kind: "text", text: await readAll(standardInput()), ignore: undefined };
  if (file === "") return { kind: "inside", name: defaultName(folder) };
  if (/^https?:\/\//.test(file))
    throw new Error("a Dockerfile's own address is not supported: use it as the context");
  const name = insideName(folder, file);
  if (name !== undefined) {
    if (!existsSync(`${folder}/${name}`)) throw missing(isAbsolute(file) ? file : `${folder}/${name}`);
    // A link may lead out, where the engine does not follow it.
    if (realpathSync(`${folder}/${name}`).startsWith(`${folder}/`)) return { kind: "inside", name };
  }
  if (!existsSync(file)) throw missing(file);
  const own = `${dirname(resolve(file))}/${basename(file)}.dockerignore`;
  return { kind: "text", text: readFileSync(file), ignore: existsSync(own) ? readFileSync(own) : undefined };
}

/** What BuildKit takes where there is no `Dockerfile`. */
function defaultName(folder: string): string {
  if (!existsSync(`${folder}/Dockerfile`)) {
    if (existsSync(`${folder}/dockerfile`)) return "dockerfile";
    throw missing("Dockerfile");
  }
  return "Dockerfile";
}

const missing = (name: string) =>
  new Error(`failed to read dockerfile: open ${name}: no such file or directory`);

/** `name=folder`, `name=docker-image://…`, `name=oci-layout://…`, `name=https://…`. */
function parseNamed(spec: string): [string, NamedContext] {
  const at = spec.indexOf("=");
  const name = spec.slice(0, Math.max(0, at));
  const value = spec.slice(at + 1);
  if (at <= 0 || value === "") throw new Error(`invalid context value: ${spec}, expected key=value`);
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
