import type { Digest } from "../../lib/index.ts";
import { fingerprintDirectory, Turns } from "../../linux/index.ts";
import { folderDigest, SelectionDigester, selectionDigest } from "./digest.ts";
import { FileDigests, type KnownFolder } from "./file-digests.ts";
import {
  type Choice,
  prefixOf,
  readingSources,
  type SelectedSource,
  SourceNode,
  select,
  Walk,
} from "./selection.ts";
import { below, openDirectory, type Tree } from "./tree.ts";

/** The same as `selectionDigest()` of `select()`, at less expense where most is known from earlier. @throws as `select` */
export async function digestChoice(tree: Tree, choice: Choice, signal: AbortSignal): Promise<Digest> {
  const options = { withDigests: true, signal };
  if (!isPlain(tree, choice)) {
    const sources = await select(tree, choice, options);
    return await readingSources(signal, () => selectionDigest(tree, sources));
  }
  return await readingSources(signal, () =>
    new QuickDigest(tree, new Walk(tree, choice, options), signal).of(),
  );
}

/** Whether each folder's entries can be told without a look at what is below it. */
function isPlain({ digests, includes }: Tree, { pattern, exclude = [] }: Choice): boolean {
  const isFiltered = pattern !== undefined || exclude.length > 0;
  return digests !== undefined && !isFiltered && (includes === undefined || includes.key !== undefined);
}

/** Goes from folder to folder; one that is as it was the last time is not looked at entry by entry. */
class QuickDigest {
  readonly #tree: Tree;
  readonly #walk: Walk;
  readonly #signal: AbortSignal;
  readonly #turns = new Turns();

  constructor(tree: Tree, walk: Walk, signal: AbortSignal) {
    this.#tree = tree;
    this.#walk = walk;
    this.#signal = signal;
  }

  async of(): Promise<Digest> {
    const digester = new SelectionDigester();
    for (const source of await this.#walk.sources()) {
      const isFolder = source.node.entry.kind === "directory";
      if (!isFolder) await this.#walk.fill(source.node);
      digester.begin(this.#tree, source);
      if (isFolder) await this.#folders(source, digester);
    }
    return digester.digest();
  }

  async #folders({ node }: SelectedSource, digester: SelectionDigester): Promise<void> {
    const prefix = prefixOf(node);
    const paths = [node.path];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const { digest, folders } =
        this.#known(this.#tree.help?.take(path), path) ?? (await this.#folder(path, node, prefix));
      digester.folder(path.slice(prefix), digest);
      for (const name of folders) paths.push(below(path, name));
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
      this.#signal.throwIfAborted();
    }
  }

  async #folder(path: string, top: SourceNode, prefix: number): Promise<KnownFolder> {
    const digests = this.#tree.digests!;
    // What changes from here on makes the times of some entry later than this.
    const beforeMs = Date.now();
    const fingerprint = await this.#fingerprint(path);
    const known = this.#known(fingerprint, path);
    if (known !== undefined) return known;
    const children = await this.#walk.children(new SourceNode(path, "", top.entry), prefix);
    const folder = {
      digest: folderDigest(this.#tree, children),
      folders: children.flatMap(({ name, entry }) => (entry.kind === "directory" ? [name] : [])),
    };
    const isSettled = children.every(({ entry }) => !FileDigests.isRacy(entry, beforeMs));
    if (isSettled) digests.addFolder(this.#keyOf(fingerprint, path), folder);
    return folder;
  }

  #known(fingerprint: string | undefined, path: string): KnownFolder | undefined {
    if (fingerprint === undefined) return undefined;
    return this.#tree.digests!.findFolder(this.#keyOf(fingerprint, path));
  }

  #keyOf(fingerprint: string, path: string): string {
    const { includes } = this.#tree;
    return includes === undefined ? fingerprint : `${fingerprint}${includes.key} ${path}`;
  }

  async #fingerprint(path: string): Promise<string> {
    using directory = openDirectory(this.#tree, path);
    const look = fingerprintDirectory(directory);
    for (;;) {
      const step = look.next();
      if (step.done === true) return step.value;
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
    }
  }
}
