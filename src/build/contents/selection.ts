import { cleanPath, IgnoreRules } from "../../lib/ignore/index.ts";
import { EngineError, messageOf, notFound, systemError } from "../../lib/index.ts";
import { type ScannedEntry, scanDirectory, Turns } from "../../linux/index.ts";
import { Glob, hasWildcards } from "./glob.ts";
import { hashEntries } from "./hash-entries.ts";
import { below, openDirectory, type Place, resolve, shown, type Tree } from "./tree.ts";

/** What is asked for of a tree. */
export interface Choice {
  /** Absolute and clean. */
  readonly path: string;
  /** With `--parents`: only what fits of the path's contents, with the folders above it; a pattern as in `.dockerignore`. */
  readonly pattern?: string | undefined;
  /** Patterns of what is left out of folders, relative to the path; those of names for files that wildcards found. */
  readonly exclude?: readonly string[];
  /** The path may hold wildcards, and its last component is followed where it is a link. */
  readonly wildcards: boolean;
}

/** A file that was chosen, or a folder with what was chosen of it. */
export class SourceNode {
  /** In its tree, without links on the way. */
  readonly path: string;
  readonly name: string;
  /** Facts as they were when its content was looked at. */
  entry: ScannedEntry;
  /** Of a folder, in the order of their names. */
  children: SourceNode[] | undefined;
  /** Of a folder: it is only on the way to what may be part of the tree, and counts for nothing by itself. */
  isPassage = false;
  /** Of a file's content: 32 Latin-1 characters; undefined where nobody asked. */
  digest: string | undefined;
  /** It may have changed since without its times telling. */
  isRacy = false;
  /** Undefined where nobody looked. */
  xattrs: ReadonlyMap<string, Uint8Array> | undefined;

  constructor(path: string, name: string, entry: ScannedEntry) {
    this.path = path;
    this.name = name;
    this.entry = entry;
  }
}

/** One source of a copy. */
export interface SelectedSource {
  /** Its last component as it was asked for, be it a link. */
  readonly name: string;
  readonly node: SourceNode;
}

export interface SelectOptions {
  /** The contents' digests are wanted. */
  readonly withDigests: boolean;
  readonly signal: AbortSignal;
}

/**
 * Finds what is asked for, in the order of names.
 * @throws NotFound `"/x": not found` where a path without wildcards, or the folder that wildcards are in, is not there
 */
export async function select(tree: Tree, choice: Choice, options: SelectOptions): Promise<SelectedSource[]> {
  return await readingSources(options.signal, async () => {
    const walk = new Walk(tree, choice, options);
    const sources = await walk.sources();
    for (const { node } of sources) await walk.fill(node);
    return sources;
  });
}

/** Does what reads sources; failures of the kernel become a sentence. */
export async function readingSources<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineError) throw error;
    throw systemError(`failed to read what is to be copied: ${messageOf(error)}`, error);
  }
}

/** Finds sources, and what is in them. */
export class Walk {
  readonly #tree: Tree;
  readonly #choice: Choice;
  readonly #options: SelectOptions;
  readonly #turns = new Turns();
  readonly #exclude: IgnoreRules | undefined;
  readonly #include: IgnoreRules | undefined;

  constructor(tree: Tree, choice: Choice, options: SelectOptions) {
    this.#tree = tree;
    this.#choice = choice;
    this.#options = options;
    const { exclude = [], pattern = "" } = choice;
    this.#exclude = exclude.length === 0 ? undefined : rulesOf(exclude);
    this.#include = pattern === "" ? undefined : rulesOf([pattern]);
  }

  /** The sources themselves, nothing of what is in them. */
  async sources(): Promise<SelectedSource[]> {
    const { path, wildcards } = this.#choice;
    if (wildcards && hasWildcards(path)) return await this.#matches(path);
    const place = resolve(this.#tree, path, { followLast: wildcards });
    if (place.entry === undefined) throw missing(path);
    return [sourceAt(cleanPath(path).split("/").at(-1)!, place.path, place.entry)];
  }

  /** As Go's `filepath.Match` of the whole path: each component fits one of the pattern, links between are not followed. */
  async #matches(path: string): Promise<SelectedSource[]> {
    const parts = path.split("/").filter((part) => part !== "");
    const first = parts.findIndex(hasWildcards);
    const globs = parts.slice(first).map((part) => new Glob(part));
    const prefix = `/${parts.slice(0, first).join("/")}`;
    const top = resolve(this.#tree, prefix, { followLast: true });
    if (top.entry === undefined) throw notFound(`lstat ${prefix}: no such file or directory`);
    let places: Place[] = [top];
    for (const glob of globs) {
      const next: Place[] = [];
      for (const place of places) {
        if (place.entry?.kind !== "directory") continue;
        for (const entry of await this.#list(place.path)) {
          if (glob.matches(entry.name)) next.push({ path: below(place.path, entry.name), entry });
        }
      }
      places = next;
    }
    const found: SelectedSource[] = [];
    for (const { path: match } of places) {
      const name = match.slice(match.lastIndexOf("/") + 1);
      const place = resolve(this.#tree, match, { followLast: true });
      if (place.entry === undefined) throw missing(match);
      if (place.entry.kind !== "directory" && this.#exclude?.leavesOut(name)) continue;
      found.push(sourceAt(name, place.path, place.entry));
    }
    return found;
  }

  /** Entries that are part of the tree, by name. */
  async #list(path: string): Promise<ScannedEntry[]> {
    using directory = openDirectory(this.#tree, path);
    const { includes } = this.#tree;
    const entries: ScannedEntry[] = [];
    for (const run of scanDirectory(directory)) {
      for (const entry of run) {
        const isDirectory = entry.kind === "directory";
        if (includes === undefined || includes(below(path, entry.name), isDirectory)) entries.push(entry);
      }
      await this.#turn();
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Looks for what is below a folder, and for what has to be known of contents. */
  async fill(top: SourceNode): Promise<void> {
    if (top.entry.kind !== "directory") {
      if (this.#options.withDigests) await this.#hashOne(top);
      return;
    }
    const prefix = prefixOf(top);
    const directories = [top];
    const inOrder: SourceNode[] = [];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      inOrder.push(directory);
      directory.children = await this.children(directory, prefix);
      for (let at = directory.children.length - 1; at >= 0; at--) {
        const child = directory.children[at]!;
        if (child.entry.kind === "directory") directories.push(child);
      }
      const turn = this.#turn();
      if (turn !== undefined) await turn;
    }
    if (this.#include === undefined && this.#exclude === undefined && this.#tree.includes === undefined)
      return;
    // Folders that were only looked into for what might be inside.
    for (const directory of inOrder.reverse()) {
      directory.children = directory.children!.filter(
        (child) =>
          child.children?.length !== 0 || (!child.isPassage && this.#isChosen(child.path.slice(prefix))),
      );
    }
    const { path, pattern = "" } = this.#choice;
    if (this.#include !== undefined && top.children!.length === 0 && !hasWildcards(path + pattern)) {
      throw missing(`${path === "/" ? "" : path}/${pattern}`);
    }
  }

  /** What is chosen of a folder, nothing of what is below. @param prefix length of what of its path is the source's */
  async children(directory: SourceNode, prefix: number): Promise<SourceNode[]> {
    using handle = openDirectory(this.#tree, directory.path);
    const children: SourceNode[] = [];
    for (const run of scanDirectory(handle)) {
      for (const entry of run) {
        const child = this.#childOf(directory, entry, prefix);
        if (child !== undefined) children.push(child);
      }
      const turn = this.#turn();
      if (turn !== undefined) await turn;
    }
    children.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (this.#options.withDigests) await hashEntries(this.#tree, handle, children, this.#options.signal);
    return children;
  }

  /** Undefined for what is no part of the tree, or was not chosen. */
  #childOf(directory: SourceNode, entry: ScannedEntry, prefix: number): SourceNode | undefined {
    const { kind, name } = entry;
    // No archive can hold a socket.
    if (kind === "socket") return undefined;
    const { includes } = this.#tree;
    const path = below(directory.path, name);
    const isDirectory = kind === "directory";
    if (includes !== undefined && !includes(path, isDirectory)) return undefined;
    const relative = path.slice(prefix);
    if (!this.#isChosen(relative) && !(isDirectory && this.#mayHold(relative))) return undefined;
    const node = new SourceNode(path, name, entry);
    node.isPassage = isDirectory && includes !== undefined && !includes(path, false);
    return node;
  }

  #isChosen(relative: string): boolean {
    // `leavesOut` says that the pattern fits it or a folder above: here that is what brings it in.
    if (this.#include !== undefined && !this.#include.leavesOut(relative)) return false;
    return this.#exclude === undefined || !this.#exclude.leavesOut(relative);
  }

  /** Whether something in a folder that is itself not chosen may be. */
  #mayHold(relative: string): boolean {
    if (this.#exclude?.leavesOut(relative)) {
      return this.#exclude.hasExceptions && this.#exclude.mayBringBack(relative);
    }
    return this.#include !== undefined;
  }

  async #hashOne(node: SourceNode): Promise<void> {
    const slash = node.path.lastIndexOf("/");
    using handle = openDirectory(this.#tree, slash < 0 ? "" : node.path.slice(0, slash));
    // Its own name, where it was asked for by a link's.
    const own = new SourceNode(node.path, node.path.slice(slash + 1), node.entry);
    await hashEntries(this.#tree, handle, [own], this.#options.signal);
    node.entry = own.entry;
    node.digest = own.digest;
    node.isRacy = own.isRacy;
    node.xattrs = own.xattrs;
  }

  #turn(): Promise<void> | undefined {
    this.#options.signal.throwIfAborted();
    return this.#turns.over();
  }
}

/** How much of the paths in a source is the source's own. */
export const prefixOf = ({ path }: SourceNode) => (path === "" ? 0 : path.length + 1);

function sourceAt(name: string, path: string, entry: ScannedEntry): SelectedSource {
  return { name, node: new SourceNode(path, name, entry) };
}

/** Patterns as a flag gives them. @throws InvalidParameter `syntax error in pattern` */
function rulesOf(patterns: readonly string[]): IgnoreRules {
  return new IgnoreRules(
    patterns.map((pattern) => {
      const text = pattern.trim();
      return text.startsWith("!") ? `!${cleanPath(text.slice(1))}` : text && cleanPath(text);
    }),
  );
}

const missing = (path: string) =>
  notFound(`${JSON.stringify(path.startsWith("/") ? path : shown(path))}: not found`);
