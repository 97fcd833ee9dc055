import { type IgnoreRules, parseIgnoreFile } from "../lib/ignore/index.ts";
import { digestOf, invalidParameter, notFound } from "../lib/index.ts";
import { isErrno, openRoot } from "../linux/index.ts";
import type { BuildRequest, ContextSource } from "./builder-contract.ts";
import type { Contexts, ContextWish, FileContextSource, OpenedContext } from "./contexts/index.ts";
import { type Definition, openContext } from "./definition.ts";
import type { BuildGraph } from "./graph/index.ts";
import type { SourceTree } from "./solve/contract.ts";
import type { Lease } from "./solve/lease.ts";
import type { WorkDirectory } from "./work-directory.ts";

/** Shows an opened context as a tree. @param includes undefined: all of it */
export type SourceTreeOf = (opened: OpenedContext, includes: SourceTree["includes"]) => SourceTree;

export interface BuildContextsOptions {
  readonly request: BuildRequest;
  readonly contexts: Contexts;
  readonly sourceTree: SourceTreeOf;
  readonly definition: Definition;
  readonly lease: Lease;
  readonly directory: WorkDirectory;
}

const IGNORE_BYTES_MAX = 16 << 20;

/** The contexts of one build, opened when a step needs them. */
export class BuildContexts {
  readonly #options: BuildContextsOptions;
  /** The directory that the Dockerfile is in: help with a look at it begins while the build is planned. */
  #opened: SourceTree | undefined;
  /** What of the build context is asked for; nothing: all of it. */
  #wanted: readonly string[] = [];
  /** Where the contexts that were opened come from, by name. */
  readonly origins = new Map<string, string>();

  constructor(options: BuildContextsOptions) {
    this.#options = options;
    const { context, ignore } = options.definition;
    if (context?.live === true)
      this.#opened = options.lease.use(options.sourceTree(context, includesOf(ignore)));
  }

  /** With the graph it is known what has to be brought here. */
  planned(graph: BuildGraph): void {
    this.#wanted = wantedPaths(graph, "");
  }

  async open(name: string, signal: AbortSignal, progress?: ContextWish["progress"]): Promise<SourceTree> {
    const source = this.#options.request.contexts.get(name);
    if (source === undefined) {
      throw notFound(name === "" ? "the build has no context" : `no build context named ${name}`);
    }
    if (source.kind === "image") throw invalidParameter(`context ${name} is an image`);
    const tree =
      name === ""
        ? await this.#main(source, signal, progress)
        : await this.#named(name, source, signal, progress);
    return tree;
  }

  async #main(
    source: FileContextSource,
    signal: AbortSignal,
    progress: ContextWish["progress"],
  ): Promise<SourceTree> {
    const { definition, sourceTree } = this.#options;
    const { ignore, context } = definition;
    if (context !== undefined) {
      const tree = this.#opened ?? sourceTree(context, includesOf(ignore));
      this.#opened = undefined;
      this.#remember("", context);
      return tree;
    }
    const wish = { name: "context", exclude: ignore?.lines ?? [], follow: this.#wanted, progress };
    const opened = await this.#open(source, wish, signal);
    this.#remember("", opened);
    return sourceTree(opened, opened.live ? includesOf(ignore) : undefined);
  }

  /** It has an ignore file of its own. */
  async #named(
    name: string,
    source: FileContextSource,
    signal: AbortSignal,
    progress: ContextWish["progress"],
  ): Promise<SourceTree> {
    if (source.kind !== "session") {
      const opened = await this.#open(source, { name, progress }, signal);
      return this.#tree(name, opened, includesOf(readIgnore(opened)));
    }
    const first = await this.#open(source, { name, include: [".dockerignore"] }, signal);
    const ignore = readIgnore(first);
    const opened = await this.#open(source, { name, exclude: ignore?.lines ?? [], progress }, signal);
    return this.#tree(name, opened, undefined);
  }

  #tree(name: string, opened: OpenedContext, includes: SourceTree["includes"]): SourceTree {
    this.#remember(name, opened);
    return this.#options.sourceTree(opened, includes);
  }

  #remember(name: string, { origin }: OpenedContext): void {
    if (origin !== undefined) this.origins.set(name, origin);
  }

  #open(
    source: Exclude<ContextSource, { kind: "image" }>,
    wish: Parameters<typeof openContext>[2],
    signal: AbortSignal,
  ): Promise<OpenedContext> {
    return openContext({ ...this.#options, signal }, source, wish);
  }
}

function includesOf(ignore: IgnoreRules | undefined): SourceTree["includes"] {
  if (ignore === undefined || ignore.lines.length === 0) return undefined;
  const includes = (path: string, isDirectory: boolean) =>
    !ignore.leavesOut(path) || (isDirectory && ignore.hasExceptions && ignore.mayBringBack(path));
  return ignore.hasExceptions
    ? includes
    : Object.assign(includes, { key: digestOf(ignore.lines.join("\n")) });
}

function readIgnore(opened: OpenedContext): IgnoreRules | undefined {
  using root = openRoot(opened.path);
  try {
    return parseIgnoreFile(new TextDecoder().decode(root.readFile(".dockerignore", IGNORE_BYTES_MAX)));
  } catch (error) {
    if (isErrno(error, 2) || isErrno(error, 20)) return undefined;
    throw error;
  }
}

/** What the steps take of a context, as paths without wildcards; empty where a step takes all of it. */
export function wantedPaths(graph: BuildGraph, name: string): readonly string[] {
  const paths = new Set<string>();
  for (const { operation, inputs } of graph.vertices.values()) {
    const isContext = (input: number) => {
      const source = graph.vertices.get(inputs[input]!)!.operation;
      return source.kind === "context" && source.name === name;
    };
    if (operation.kind === "copy") {
      for (const { input, path, pattern, wildcards } of operation.items) {
        if (isContext(input)) paths.add(pattern !== undefined || wildcards ? literalPart(path) : path);
      }
    } else if (operation.kind === "run") {
      for (const mount of operation.mounts) {
        if ((mount.type === "bind" || mount.type === "cache") && isContext(mount.input))
          paths.add(mount.path);
      }
    }
  }
  const relative = [...paths].map((path) => path.replace(/^\/+|\/+$/g, ""));
  return relative.some((path) => path === "" || path === ".") ? [] : relative;
}

/** The folders in front of the first wildcard. */
function literalPart(path: string): string {
  const wildcard = path.search(/[*?[\\]/);
  return wildcard < 0 ? path : path.slice(0, path.lastIndexOf("/", wildcard));
}
