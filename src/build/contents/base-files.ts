import { type FileKind, scanDirectory, scanPath, travels } from "../../linux/index.ts";
import { openDirectory, type Tree } from "./tree.ts";

/** What a layer that is planned finds where it will be put. */
export interface BaseEntry {
  readonly kind: FileKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
}

/** The files that a layer is planned on. Paths are relative to the top, which is "", and have been followed. */
export interface BaseFiles {
  lookAt(path: string): BaseEntry | undefined;
  readLink(path: string): string;
  /** Those that travel with a file. */
  xattrs(path: string): ReadonlyMap<string, Uint8Array>;
  /** What is in a folder, by name. */
  kindsIn(path: string): ReadonlyMap<string, FileKind>;
}

/** The files of a tree. */
export function baseOfTree(tree: Tree): BaseFiles {
  const { root } = tree;
  return {
    lookAt: (path) => scanPath(root, path),
    readLink: (path) => root.readLink(path),
    xattrs: (path) => {
      const xattrs = new Map<string, Uint8Array>();
      for (const attribute of root.listXattrs(path).filter(travels)) {
        const value = root.getXattr(path, attribute);
        if (value !== undefined) xattrs.set(attribute, value);
      }
      return xattrs;
    },
    kindsIn: (path) => {
      using handle = openDirectory(tree, path);
      const kinds = new Map<string, FileKind>();
      for (const run of scanDirectory(handle)) for (const { name, kind } of run) kinds.set(name, kind);
      return kinds;
    },
  };
}

interface ShapeEntry extends BaseEntry {
  readonly linkName: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly names: Map<string, ShapeEntry>;
}

/** A shape of more files costs more than the view that it saves. */
const ENTRIES_MAX = 500;

/**
 * What a layer puts over the files below it, where it only adds and replaces: that of a copy, which never puts a folder in the
 * place of something else, or something else in that of a folder.
 */
export class LayerShape {
  readonly #top = new Map<string, ShapeEntry>();
  readonly #entries = new Map<string, ShapeEntry>();
  #isTooLarge = false;

  /** Undefined where it has become too large to be kept. */
  get whole(): LayerShape | undefined {
    return this.#isTooLarge ? undefined : this;
  }

  add(
    path: string,
    entry: BaseEntry & { linkName?: string; xattrs?: ReadonlyMap<string, Uint8Array> },
  ): void {
    if (this.#entries.size >= ENTRIES_MAX) {
      this.#isTooLarge = true;
      return;
    }
    const { kind, mode, uid, gid, mtimeNs, linkName = "", xattrs = NONE } = entry;
    const kept = { kind, mode, uid, gid, mtimeNs, linkName, xattrs, names: new Map() };
    this.#entries.set(path, kept);
    const slash = path.lastIndexOf("/");
    const names = slash < 0 ? this.#top : this.#entries.get(path.slice(0, slash))!.names;
    names.set(path.slice(slash + 1), kept);
  }

  get(path: string): ShapeEntry | undefined {
    return this.#entries.get(path);
  }

  namesIn(path: string): ReadonlyMap<string, ShapeEntry> | undefined {
    return path === "" ? this.#top : this.#entries.get(path)?.names;
  }
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Files with the shapes of layers over them, bottom first. `below`: undefined where there is nothing else. */
export function baseWithShapes(below: BaseFiles | undefined, shapes: readonly LayerShape[]): BaseFiles {
  const found = (path: string): ShapeEntry | undefined => {
    for (let at = shapes.length - 1; at >= 0; at--) {
      const entry = shapes[at]!.get(path);
      if (entry !== undefined) return entry;
    }
    return undefined;
  };
  return {
    lookAt: (path) => found(path) ?? below?.lookAt(path),
    readLink: (path) => found(path)?.linkName ?? below!.readLink(path),
    xattrs: (path) => found(path)?.xattrs ?? below!.xattrs(path),
    kindsIn: (path) => {
      const isBelow = below?.lookAt(path)?.kind === "directory";
      const kinds = new Map(isBelow ? below.kindsIn(path) : []);
      for (const shape of shapes) {
        for (const [name, { kind }] of shape.namesIn(path) ?? []) kinds.set(name, kind);
      }
      return kinds;
    },
  };
}

const SHAPES_MAX = 1_000;

/** Shapes of the layers that were made last. A layer never changes, so they hold for as long as they are remembered. */
export class KnownShapes {
  readonly #shapes = new Map<string, LayerShape>();

  add(layer: string, shape: LayerShape): void {
    if (shape.whole === undefined) return;
    this.#shapes.set(layer, shape);
    if (this.#shapes.size > SHAPES_MAX) this.#shapes.delete(this.#shapes.keys().next().value!);
  }

  /** Those of the topmost layers, as far down as they are known, bottom first. */
  above(stack: readonly string[]): readonly LayerShape[] {
    const shapes: LayerShape[] = [];
    for (let at = stack.length - 1; at >= 0; at--) {
      const shape = this.#shapes.get(stack[at]!);
      if (shape === undefined) break;
      shapes.push(shape);
    }
    return shapes.reverse();
  }
}
