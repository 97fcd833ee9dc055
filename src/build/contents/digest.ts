import { type Digest, encodeName } from "../../lib/index.ts";
import { Turns } from "../../linux/index.ts";
import type { SelectedSource, SourceNode } from "./selection.ts";
import { opening } from "./source-file.ts";
import type { Tree } from "./tree.ts";

/** Text is handed to the hash in pieces of about this many characters. */
const PIECE_LENGTH = 64 * 1024;

/** Mode of a folder that is the top of a source. */
const TOP_MODE = 0o755;

/**
 * The digest of what was selected: names, kinds, modes, owners, links' targets, extended attributes, devices' numbers and
 * contents of everything in it; not times, and not which names are the same file (as BuildKit's contenthash). A source's own
 * name counts where it is no folder, since a copy of a folder's contents does not tell it.
 */
export async function selectionDigest(tree: Tree, sources: readonly SelectedSource[]): Promise<Digest> {
  const digester = new SelectionDigester();
  const turns = new Turns();
  for (const source of sources) {
    const { node } = source;
    digester.begin(tree, source);
    if (node.children === undefined) continue;
    const prefix = node.path === "" ? 0 : node.path.length + 1;
    const folders = [node];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const children = folder.children!;
      digester.folder(folder.path.slice(prefix), folderDigest(tree, children));
      for (const child of children) if (child.children !== undefined) folders.push(child);
      const turn = turns.over();
      if (turn !== undefined) await turn;
    }
  }
  return digester.digest();
}

/** Of the times of everything that was selected, in whole seconds as layers have them. */
export function timesDigest(sources: readonly SelectedSource[]): Digest {
  const text = new HashedText();
  const pending = sources.map(({ node }) => node);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    text.add(`${node.entry.mtimeNs / 1_000_000_000n} `);
    if (node.children !== undefined) pending.push(...node.children);
  }
  return `sha256:${text.digest().toString("hex")}` as Digest;
}

/** Puts together what is known of sources and of the folders in them; each after the one it is in, the last ones first. */
export class SelectionDigester {
  readonly #text = new HashedText();

  begin(tree: Tree, { name, node }: SelectedSource): void {
    const isFolder = node.entry.kind === "directory";
    this.#text.add(`\0\0${isFolder ? "" : name}\0${factsOf(tree, node)}`);
  }

  /** @param path relative to the source's */
  folder(path: string, digest: string): void {
    this.#text.add(`${path}\0${digest}`);
  }

  digest(): Digest {
    return `sha256:${this.#text.digest().toString("hex")}` as Digest;
  }
}

/** Of a folder's entries, in order: 32 Latin-1 characters. */
export function folderDigest(tree: Tree, children: readonly SourceNode[]): string {
  const text = new HashedText();
  for (const child of children) text.add(`${child.name}\0${factsOf(tree, child)}`);
  return text.digest().toString("latin1");
}

/** Who a file belongs to in an image. */
export function ownerOf(tree: Tree, { entry }: SourceNode): { readonly uid: number; readonly gid: number } {
  return tree.isSource ? ROOT : entry;
}

const ROOT = { uid: 0, gid: 0 } as const;

export function modeOf(tree: Tree, { entry, path }: SourceNode): number {
  return tree.isSource && path === "" ? TOP_MODE : entry.mode;
}

/** Everything but the name. Of a file 32 characters more than up to its first NUL, of others up to that. */
function factsOf(tree: Tree, node: SourceNode): string {
  const { kind } = node.entry;
  const { uid, gid } = ownerOf(tree, node);
  const facts = `${kind} ${modeOf(tree, node)} ${uid} ${gid} ${attributesOf(node)}`;
  if (kind === "file") return `${facts}\0${node.digest!}`;
  if (kind === "symlink")
    return `${kind} ${uid} ${gid} ${opening(node.path, () => tree.root.readLink(node.path))}\0`;
  if (kind === "char" || kind === "block") {
    const { major, minor } = tree.root.stat(node.path, { follow: false });
    return `${facts}${major}:${minor}\0`;
  }
  return `${facts}\0`;
}

function attributesOf({ xattrs }: SourceNode): string {
  if (xattrs === undefined || xattrs.size === 0) return "";
  const texts = [...xattrs].map(
    ([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${Buffer.from(value).toString("hex")} `,
  );
  return texts.join("");
}

/** Collects text, which is much quicker to hash in large pieces. */
class HashedText {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #text = "";

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_LENGTH) this.#flush();
  }

  digest(): Buffer {
    this.#flush();
    return this.#hasher.digest();
  }

  #flush(): void {
    // Names that are not UTF-8 are hashed as the bytes that they are.
    this.#hasher.update(this.#text.isWellFormed() ? this.#text : encodeName(this.#text));
    this.#text = "";
  }
}
