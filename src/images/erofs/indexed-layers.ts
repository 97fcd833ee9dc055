import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, faultPoint, isDigest, messageOf, newId, notFound, TarScanner } from "../../lib/index.ts";
import { type ErofsFiles, hardLimit, openOverlay, Turns } from "../../linux/index.ts";
import { syncDirectory } from "../../store/index.ts";
import type { LayerStore, OpenLayers } from "../snapshots/layer-store.ts";
import {
  type DiffId,
  LAYER_ENTRIES_MAX,
  type LayerFacts,
  type LayerReceiver,
  type StageOptions,
} from "../snapshots/snapshotter.ts";
import { makeImage } from "./image.ts";
import { isWholeIndex, syncIndex, writeIndex } from "./index-file.ts";
import { type MountedLayer, type MountMode, mountLayer, sweepMounted } from "./mounted-layer.ts";
import { LayerTree } from "./tree.ts";

/** Where the tar of a layer is. */
export type TarPath = (diffId: DiffId) => string;

const SUFFIX = ".erofs";
/** Begins the names of files that are not whole. */
const INCOMING = ".incoming-";
/**
 * Layers that stay mounted after they were used, so that containers of one image share what the kernel has cached of
 * it, and start faster, and builds of hundreds of steps do not mount theirs anew for each step. Each costs a descriptor.
 */
const KEPT_MOUNTED_MAX = 600;
/** Not more than so many of the descriptors that this process may have. */
const KEPT_SHARE = 1 / 4;
/** Where layers are mounted that need a place. */
const MOUNTED = "mounted";

interface Mounted {
  readonly layer: MountedLayer;
  users: number;
  /** Nothing names it any more: it goes with its last user. */
  removed: boolean;
}

/**
 * Layers that are never unpacked: the exact tar, which the blob store has, and an EROFS index of it,
 * `<root>/<hex of diff id>.erofs`, that the kernel mounts. Needs Linux 6.12; whether it works, `tryOut` finds out.
 */
export class IndexedLayers implements LayerStore {
  readonly driver = "erofs";
  readonly #root: string;
  readonly #tarPath: TarPath;
  readonly #mode: MountMode;
  /** The least recently used first. */
  readonly #mounted = new Map<DiffId, Mounted>();
  readonly #keptMax = Math.min(KEPT_MOUNTED_MAX, hardLimit("nofile").soft * KEPT_SHARE);

  private constructor(root: string, tarPath: TarPath, mode: MountMode) {
    this.#root = root;
    this.#tarPath = tarPath;
    this.#mode = mode;
  }

  static async open(root: string, tarPath: TarPath, mode: MountMode = "detached"): Promise<IndexedLayers> {
    await mkdir(join(root, MOUNTED), { recursive: true, mode: 0o700 });
    sweepMounted(join(root, MOUNTED));
    for (const name of await readdir(root)) {
      if (name.startsWith(INCOMING)) await rm(join(root, name), { recursive: true });
    }
    return new IndexedLayers(root, tarPath, mode);
  }

  /**
   * Mounts an index of nothing, and an overlay over it.
   * @returns how layers can be mounted, or, as `failure`, why they cannot
   */
  static async tryOut(root: string): Promise<{ mode: MountMode } | { failure: string }> {
    const directory = join(root, MOUNTED);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const [index, data] = [join(root, INCOMING + newId()), join(root, INCOMING + newId())];
    let failure = "";
    try {
      const tar = Buffer.alloc(1024);
      await writeFile(data, tar, { mode: 0o600 });
      await writeIndex(index, await makeImage(new LayerTree(1).root, tar.length), data, tar.length);
      for (const mode of ["detached", "attached"] as const) {
        try {
          tryMode(mode, { index, data }, directory);
          return { mode };
        } catch (error) {
          failure ||= messageOf(error);
        }
      }
    } catch (error) {
      failure = messageOf(error);
    } finally {
      await Promise.all([rm(index, { force: true }), rm(data, { force: true })]);
    }
    return { failure };
  }

  #path(diffId: DiffId): string {
    return join(this.#root, digestHex(diffId) + SUFFIX);
  }

  async receive(): Promise<LayerReceiver> {
    return new Indexing(join(this.#root, INCOMING + newId()), async (path, diffId, isDurable) => {
      await rename(path, this.#path(diffId));
      faultPoint("layer-index-renamed");
      if (isDurable) await syncDirectory(this.#root);
    });
  }

  async has(diffId: DiffId): Promise<boolean> {
    return this.#mounted.has(diffId) || (await isWholeIndex(this.#path(diffId), this.#tarPath(diffId)));
  }

  async list(): Promise<DiffId[]> {
    const names = (await readdir(this.#root)).filter((name) => name.endsWith(SUFFIX));
    return names.map((name) => `sha256:${name.slice(0, -SUFFIX.length)}`).filter(isDigest);
  }

  async remove(diffId: DiffId): Promise<void> {
    const mounted = this.#mounted.get(diffId);
    if (mounted !== undefined) {
      this.#mounted.delete(diffId);
      mounted.removed = true;
      if (mounted.users === 0) mounted.layer.close();
    }
    await rm(this.#path(diffId), { force: true });
  }

  async sync(layers: readonly DiffId[]): Promise<void> {
    await Promise.all(layers.map((diffId) => syncIndex(this.#path(diffId))));
    await syncDirectory(this.#root);
  }

  async open(layers: readonly DiffId[]): Promise<OpenLayers> {
    using undo = new DisposableStack();
    const paths: string[] = [];
    for (const diffId of layers) {
      if (!(await this.has(diffId))) throw notFound(`layer does not exist: ${diffId}`);
      const mounted = this.#use(diffId);
      undo.defer(() => this.#release(mounted));
      paths.unshift(mounted.layer.path);
    }
    const users = undo.move();
    return { paths, [Symbol.dispose]: () => users.dispose() };
  }

  #use(diffId: DiffId): Mounted {
    const mounted = this.#mounted.get(diffId) ?? { layer: this.#mount(diffId), users: 0, removed: false };
    mounted.users++;
    this.#mounted.delete(diffId);
    this.#mounted.set(diffId, mounted);
    return mounted;
  }

  #mount(diffId: DiffId): MountedLayer {
    const files = { index: this.#path(diffId), data: this.#tarPath(diffId) };
    return mountLayer(this.#mode, files, join(this.#root, MOUNTED), digestHex(diffId));
  }

  #release(mounted: Mounted): void {
    mounted.users--;
    if (mounted.removed && mounted.users === 0) mounted.layer.close();
    for (const [diffId, { layer, users }] of this.#mounted) {
      if (this.#mounted.size <= this.#keptMax) return;
      if (users > 0) continue;
      this.#mounted.delete(diffId);
      layer.close();
    }
  }

  async close(): Promise<void> {
    for (const { layer } of this.#mounted.values()) layer.close();
    this.#mounted.clear();
  }
}

/** @throws what the kernel refuses it with */
function tryMode(mode: MountMode, files: ErofsFiles, directory: string): void {
  const layer = mountLayer(mode, files, directory, "probe");
  try {
    using overlay = openOverlay({ lower: [layer.path, directory] });
    overlay.list("/");
  } finally {
    layer.close();
  }
}

type AdoptIndex = (path: string, diffId: DiffId, isDurable: boolean) => Promise<void>;

/** Reads the headers of a tar as it comes. */
class Indexing implements LayerReceiver {
  readonly #path: string;
  readonly #adopt: AdoptIndex;
  readonly #scanner = new TarScanner({ withData: false });
  readonly #tree = new LayerTree(LAYER_ENTRIES_MAX);
  readonly #turns = new Turns();
  #bytes = 0;
  #ended = false;

  constructor(path: string, adopt: AdoptIndex) {
    this.#path = path;
    this.#adopt = adopt;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#bytes += bytes.length;
    this.#scanner.push(bytes);
    for (let token = this.#scanner.next(); token !== undefined; token = this.#scanner.next()) {
      if (token.type === "entry") this.#tree.add(token.entry);
    }
    return this.#turns.over();
  }

  async end(): Promise<LayerFacts> {
    if (!this.#ended) {
      this.#scanner.finish();
      this.#tree.finish();
      this.#ended = true;
    }
    return this.#tree.facts;
  }

  async stage(tarPath: string, { later = false }: StageOptions = {}): Promise<void> {
    await this.end();
    await writeIndex(this.#path, await makeImage(this.#tree.root, this.#bytes), tarPath, this.#bytes);
    if (!later) await syncIndex(this.#path);
    faultPoint("layer-index-durable");
  }

  async commit(diffId: DiffId, { later = false }: StageOptions = {}): Promise<void> {
    await this.#adopt(this.#path, diffId, !later);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
