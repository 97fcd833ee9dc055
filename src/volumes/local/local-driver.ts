import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { conflict, log, messageOf } from "../../lib/index.ts";
import { openRoot, unmount } from "../../linux/index.ts";
import type { Trash } from "../../store/index.ts";
import { assertAnswers } from "../answers.ts";
import type { VolumeDriver, VolumeFacts } from "../driver.ts";
import { isMounted, mountOver, unmountNetwork } from "./mount-over.ts";
import { isNetworkMount, readLocalOptions } from "./options.ts";
import { Quotas } from "./quota.ts";

/** Searched by nobody but root: what is in a volume may be anybody's set-user-id program (CVE-2021-41091). */
const PRIVATE = 0o700;
const DATA = "_data";
/** Stands while an image's files are being copied into the volume. */
const POPULATING = "populating";

export interface LocalDriverOptions {
  /** Holds one directory a volume. */
  readonly root: string;
  /** On the same file system; what is moved there is deleted by and by. */
  readonly trash: Trash;
  /** Default: the kernel's. */
  readonly quotas?: Quotas;
}

/**
 * Volumes on this host: `<root>/<name>/_data`, as it is or with something mounted over it (`type`, `o`, `device`).
 */
export class LocalDriver implements VolumeDriver {
  readonly name = "local";
  readonly scope = "local";
  readonly mountsFor = "use";
  readonly #root: string;
  readonly #trash: Trash;
  readonly #quotas: Quotas;

  constructor(options: LocalDriverOptions) {
    this.#root = options.root;
    this.#trash = options.trash;
    this.#quotas = options.quotas ?? new Quotas();
    mkdirSync(this.#root, { recursive: true, mode: PRIVATE });
  }

  path(volume: Pick<VolumeFacts, "name">): string {
    return join(this.#directory(volume), DATA);
  }

  async create(volume: VolumeFacts): Promise<void> {
    const { sizeBytes } = readLocalOptions(volume.options);
    if (sizeBytes !== undefined) this.#quotas.check(this.#root);
    mkdirSync(this.#directory(volume), { recursive: true, mode: PRIVATE });
    mkdirSync(this.path(volume), { recursive: true, mode: 0o755 });
    if (sizeBytes === undefined) return;
    try {
      this.#quotas.set(this.path(volume), sizeBytes);
    } catch (error) {
      rmdirSync(this.path(volume));
      rmdirSync(this.#directory(volume));
      throw error;
    }
  }

  /** One rename takes the volume away whole; deleting its files may take as long as it likes. */
  async remove(volume: VolumeFacts): Promise<void> {
    await this.unmount(volume);
    this.#freeQuota(volume);
    this.#trash.take(this.#directory(volume));
  }

  async mount(volume: VolumeFacts): Promise<string> {
    const path = this.path(volume);
    const { mount } = readLocalOptions(volume.options);
    if (mount === undefined || !isMounted(path)) {
      // The user may have deleted it by hand; an empty volume is better than a container that never starts.
      if (!existsSync(path)) await this.create(volume);
      if (mount !== undefined) await mountOver(path, mount);
    }
    if (mount !== undefined && isNetworkMount(mount)) await assertAnswers(path);
    return path;
  }

  async unmount(volume: VolumeFacts): Promise<void> {
    const { mount } = readLocalOptions(volume.options);
    if (mount === undefined) return;
    try {
      if (isNetworkMount(mount)) await unmountNetwork(this.path(volume));
      else unmount(this.path(volume));
    } catch (error) {
      if (codeOf(error) === "EBUSY")
        throw conflict(`volume ${volume.name} is still in use on the host`, error);
      throw error;
    }
  }

  #freeQuota(volume: VolumeFacts): void {
    if (volume.options["size"] === undefined || !existsSync(this.path(volume))) return;
    try {
      this.#quotas.clear(this.path(volume));
    } catch (error) {
      log.warn("cannot give the quota of a volume back", { volume: volume.name, reason: messageOf(error) });
    }
  }

  /** Notes that files are about to be copied in, so that a crash meanwhile leaves no volume with half of them. */
  beginPopulate(volume: VolumeFacts): void {
    mkdirSync(join(this.#directory(volume), POPULATING), { recursive: true, mode: PRIVATE });
  }

  endPopulate(volume: VolumeFacts): void {
    rmdirSync(join(this.#directory(volume), POPULATING));
  }

  /**
   * Empties the volumes whose copying was cut short, for the daemon's start. One that more than the container that
   * was being made can have written to is left as it is.
   */
  async sweep(isShared: (name: string) => boolean): Promise<void> {
    for (const name of this.names()) {
      const marker = join(this.#directory({ name }), POPULATING);
      if (!existsSync(marker)) continue;
      if (!isShared(name)) {
        log.info("a volume was being filled when the daemon ended; it starts empty again", { volume: name });
        const path = this.path({ name });
        await removeBelow(path, readdirSync(path));
      }
      rmdirSync(marker);
    }
  }

  /** Directories that look like volumes, whether or not anybody knows of them. */
  names(): string[] {
    // What is mounted at the data is not looked at: its server may be gone.
    return readdirSync(this.#root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readdirSync(join(this.#root, entry.name)).includes(DATA))
      .map((entry) => entry.name);
  }

  isEmpty(volume: Pick<VolumeFacts, "name">): boolean {
    return readdirSync(this.path(volume)).length === 0;
  }

  #directory(volume: Pick<VolumeFacts, "name">): string {
    return join(this.#root, volume.name);
  }
}

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

/** Deletes entries of a directory, whatever their names and links would like to reach. */
async function removeBelow(directory: string, names: readonly string[]): Promise<void> {
  using root = openRoot(directory);
  for (const name of names) await root.removeTree(name);
}
