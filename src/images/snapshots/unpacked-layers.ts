import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Digest,
  digestHex,
  faultPoint,
  invalidParameter,
  isDigest,
  newId,
  notFound,
  systemError,
} from "../../lib/index.ts";
import { extractTar, LinuxError, openRoot } from "../../linux/index.ts";
import type { Trash } from "../../store/index.ts";
import { syncDirectory } from "../../store/index.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { LayerStore, OpenLayers } from "./layer-store.ts";
import {
  type DiffId,
  LAYER_ENTRIES_MAX,
  type LayerFacts,
  type LayerReceiver,
  type StageOptions,
} from "./snapshotter.ts";

/** Makes a directory with all that is in it durable. */
export type SyncTree = (path: string) => Promise<void>;

/** Prefix of layers that are not whole yet. */
const INCOMING = ".incoming-";

/**
 * Layers as directories that tars were unpacked into, with whiteouts in overlayfs's form: `<root>/<hex of diff id>`.
 * What every kernel can stack.
 */
export class UnpackedLayers implements LayerStore {
  readonly driver = "overlay2";
  readonly #root: string;
  readonly #trash: Trash;
  readonly #sync: SyncTree;

  private constructor(root: string, trash: Trash, sync: SyncTree) {
    this.#root = root;
    this.#trash = trash;
    this.#sync = sync;
  }

  /** `sync` makes a tree of new files durable; tests that are not about that leave it out. */
  static async open(root: string, trash: Trash, sync: SyncTree = syncFileSystem): Promise<UnpackedLayers> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(root)) {
      if (name.startsWith(INCOMING)) trash.take(join(root, name));
    }
    return new UnpackedLayers(root, trash, sync);
  }

  #path(diffId: DiffId): string {
    return join(this.#root, digestHex(diffId));
  }

  async receive(): Promise<LayerReceiver> {
    const path = join(this.#root, INCOMING + newId());
    // The mode that `/` has where no entry of the tar tells another.
    await mkdir(path, { mode: 0o755 });
    return new Unpacking(path, this.#trash, this.#sync, async (diffId, isDurable) => {
      try {
        await rename(path, this.#path(diffId));
      } catch (error) {
        // The same layer is here already: somebody else was faster with the same content.
        if (!isTaken(error)) throw error;
        this.#trash.take(path);
      }
      if (isDurable) await syncDirectory(this.#root);
    });
  }

  async has(diffId: DiffId): Promise<boolean> {
    return await exists(this.#path(diffId));
  }

  async list(): Promise<DiffId[]> {
    const digests = (await readdir(this.#root)).map((name) => `sha256:${name}`);
    return digests.filter(isDigest);
  }

  async remove(diffId: DiffId): Promise<void> {
    this.#trash.take(this.#path(diffId));
  }

  /** All of the file system at once: there is no other way to make a tree durable that costs less. */
  async sync(): Promise<void> {
    await this.#sync(this.#root);
  }

  async open(layers: readonly DiffId[]): Promise<OpenLayers> {
    for (const diffId of layers) {
      if (!(await this.has(diffId))) throw notFound(`layer does not exist: ${diffId}`);
    }
    return { paths: layers.map((diffId) => this.#path(diffId)).reverse(), [Symbol.dispose]: () => {} };
  }

  async close(): Promise<void> {}
}

const isTaken = (error: unknown) =>
  ["EEXIST", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "");

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** What is wrong with this host and not with the archive; any other refusal of the kernel is about a name in it. */
const HOST_FAULTS = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "ENOMEM", "EMFILE", "ENFILE"]);

/** A tar that is unpacked while it comes. */
class Unpacking implements LayerReceiver {
  readonly #path: string;
  readonly #trash: Trash;
  readonly #sync: SyncTree;
  readonly #adopt: (diffId: DiffId, isDurable: boolean) => Promise<void>;
  readonly #queue = new ByteQueue();
  readonly #unpacked: Promise<LayerFacts>;
  #settled = false;

  constructor(
    path: string,
    trash: Trash,
    sync: SyncTree,
    adopt: (diffId: DiffId, isDurable: boolean) => Promise<void>,
  ) {
    this.#path = path;
    this.#trash = trash;
    this.#sync = sync;
    this.#adopt = adopt;
    this.#unpacked = this.#unpack();
    this.#unpacked.catch((error: unknown) => this.#queue.fail(error));
  }

  async #unpack(): Promise<LayerFacts> {
    using root = openRoot(this.#path);
    try {
      return await extractTar(this.#queue, root, "/", {
        whiteouts: "overlay",
        maxEntries: LAYER_ENTRIES_MAX,
      });
    } catch (error) {
      if (!(error instanceof LinuxError) || HOST_FAULTS.has(error.code)) throw error;
      throw invalidParameter(`invalid layer: ${error.message}`, error);
    }
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#queue.push(new Uint8Array(bytes));
  }

  end(): Promise<LayerFacts> {
    this.#queue.end();
    return this.#unpacked;
  }

  async stage(_tarPath: string, { later = false }: StageOptions = {}): Promise<void> {
    await this.end();
    if (!later) await this.#sync(this.#path);
    faultPoint("layer-synced");
  }

  async commit(diffId: Digest, { later = false }: StageOptions = {}): Promise<void> {
    await this.#adopt(diffId, !later);
    this.#settled = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.#queue.fail(new Error("the layer was given up"));
    await this.#unpacked.catch(() => {});
    this.#trash.take(this.#path);
  }
}

/**
 * Makes thousands of new files durable at once, by a process, because the call may take seconds and would
 * block this one.
 */
async function syncFileSystem(path: string): Promise<void> {
  const sync = Bun.spawn(["/bin/sync", "-f", path], {
    env: {},
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, message] = await Promise.all([sync.exited, new Response(sync.stderr).text()]);
  if (code !== 0) throw systemError(`cannot write ${path} to disk: ${message.trim()}`);
}
