import { type EmitEvent, faultPoint, kindOf, log, messageOf, unavailable } from "../lib/index.ts";
import { copyTree, openRoot, type RootDir, treeBytes } from "../linux/index.ts";
import type { Database, Trash } from "../store/index.ts";
import type { Volume, VolumeCreateRequest, VolumeListResponse, VolumePruneResponse } from "../wire/index.ts";
import { noSuchVolume, VolumeCore } from "./core.ts";
import { type Filters, listFilter, pruneFilter } from "./filters.ts";
import { LocalDriver } from "./local/local-driver.ts";
import { ANONYMOUS_LABEL, checkVolumeName } from "./names.ts";
import { PLUGIN_FOLDERS } from "./plugins/address.ts";
import type { PluginPatience } from "./plugins/plugin.ts";
import { type PluginVolume, VolumePlugins } from "./plugins/registry.ts";
import { type VolumeRecord, VolumeRecords } from "./records.ts";
import { openSubpath, type PinnedPath } from "./subpath.ts";
import { VolumeTransfers } from "./transfers.ts";
import { nowText, recordOf, volumeView } from "./view.ts";

export interface VolumesOptions {
  readonly database: Database;
  readonly emit: EmitEvent;
  /** `<data root>/volumes` */
  readonly root: string;
  /** On the same file system. */
  readonly trash: Trash;
  /** Where plugins are looked for. Default: Docker's folders. */
  readonly pluginFolders?: readonly string[];
  readonly pluginPatience?: PluginPatience;
}

export interface AcquireOptions {
  /** None: an anonymous one is made. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly containerId: string;
  /** The container does not start yet: what is mounted for each run need not be accessible. */
  readonly early?: boolean;
}

export interface AcquiredVolume {
  readonly name: string;
  /** The data's directory on the host, accessible; may be empty where that was not asked for. */
  readonly path: string;
  readonly driver: string;
  /** It did not exist before. */
  readonly created: boolean;
}

/** How a container uses a volume, for the event that tells so. */
export interface VolumeUse {
  readonly containerId: string;
  readonly destination: string;
  readonly readWrite: boolean;
  readonly propagation: string;
}

/**
 * Named data: the door of this room.
 *
 * A volume is *used* by containers, running or not, from `acquire` to `release`, and is never removed meanwhile.
 * What has to be mounted to reach its data is mounted by the first `acquire` and unmounted by the last `release`;
 * `acquire` again at each start of a container, since a restart of the host takes mounts away. Drivers of others are
 * told of each run instead: from the `acquire` of its start to `ended`.
 */
export class Volumes {
  /** The tar streams, and copies, of whole volumes. */
  readonly transfers: VolumeTransfers;
  readonly #core: VolumeCore;
  readonly #records: VolumeRecords;
  readonly #local: LocalDriver;
  readonly #plugins: VolumePlugins;

  constructor(options: VolumesOptions) {
    const { database, emit, root, trash } = options;
    this.#records = new VolumeRecords(database);
    this.#local = new LocalDriver({ root, trash });
    this.#plugins = new VolumePlugins(options.pluginFolders ?? PLUGIN_FOLDERS, options.pluginPatience);
    this.#core = new VolumeCore({
      records: this.#records,
      local: this.#local,
      plugins: this.#plugins,
      emit,
    });
    this.transfers = new VolumeTransfers(this.#core, trash);
  }

  /** Names of the drivers that can be had now, `local` first. */
  async drivers(): Promise<string[]> {
    return [this.#local.name, ...(await this.#plugins.active()).map(({ name }) => name)];
  }

  /**
   * Makes directories and records agree after a crash. Data that nobody knows of is adopted, never deleted: the
   * user may have restored it, or lost the database.
   */
  async recover(): Promise<void> {
    await this.#local.sweep((name) => this.#records.users(name).length > 1);
    const there = new Set(this.#local.names());
    for (const name of there) {
      if (this.#records.get(name) !== undefined) continue;
      if (this.#local.isEmpty({ name })) await this.#local.remove({ name, options: {} });
      else this.#adopt(name);
    }
    for (const volume of this.#records.all()) {
      if (volume.driver !== "local" || there.has(volume.name)) continue;
      // Its removal was cut short behind the point of no return, unless a container still counts on it.
      if (this.#records.users(volume.name).length === 0) this.#records.remove(volume.name);
      else await this.#local.create(volume);
    }
  }

  /**
   * Makes a volume; one of that name that is there already is what was asked for.
   * @throws Conflict where that one has another driver, InvalidParameter, NotFound for an unknown driver
   */
  async create(request: VolumeCreateRequest): Promise<Volume> {
    if (request.ClusterVolumeSpec !== undefined && request.ClusterVolumeSpec !== null) {
      throw unavailable("This node is not a swarm manager: cluster volumes are not available.");
    }
    const { volume } = await this.#core.ensure({
      name: request.Name || undefined,
      driver: request.Driver,
      driverOptions: request.DriverOpts ?? {},
      labels: request.Labels ?? {},
    });
    await this.#records.durable();
    return this.#core.shown(volume);
  }

  /** All volumes, those that only their drivers know too. A driver that does not answer is told of in a warning. */
  async list(filters: Filters = {}): Promise<VolumeListResponse> {
    const matches = listFilter(filters);
    const { volumes, answered, warnings } = await this.#plugins.volumes();
    const told = new Map(volumes.map((each) => [each.volume.name, each]));
    const views = new Map<string, Volume>();
    for (const record of this.#records.all()) {
      const { name, driver } = record;
      const view = told.get(name);
      const isGone = answered.has(driver) && view?.plugin.name !== driver && !this.#core.isUsed(name);
      if (isGone || !matches(record, this.#core.isUsed(name))) continue;
      views.set(name, view?.plugin.name === driver ? viewOf(record, view) : this.#core.shown(record));
    }
    for (const [name, view] of told) {
      const record = recordOf(view.plugin.name, view.volume);
      if (this.#records.get(name) === undefined && matches(record, false))
        views.set(name, viewOf(record, view));
    }
    const shown = [...views.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    return { Volumes: shown, Warnings: warnings.length === 0 ? null : [...warnings] };
  }

  /** With what its driver says about it now. @throws NotFound `get x: no such volume` */
  async inspect(name: string): Promise<Volume> {
    const record = this.#records.get(name);
    if (record?.driver === "local") return this.#core.shown(record);
    const found = record === undefined ? await this.#plugins.find(name) : await this.#core.askDriver(record);
    if (found === undefined) throw noSuchVolume(name);
    return viewOf(record ?? recordOf(found.plugin.name, found.volume), found);
  }

  /** Those of the driver `local` with size and use count, for `system df`. Counting takes long where there are many files. */
  async usage(signal?: AbortSignal): Promise<Volume[]> {
    const volumes: Volume[] = [];
    for (const volume of this.#records.all()) {
      if (volume.driver !== "local") continue;
      const Size = await this.#bytes(volume, signal);
      volumes.push({
        ...this.#core.shown(volume),
        UsageData: { Size, RefCount: this.#records.users(volume.name).length },
      });
    }
    return volumes;
  }

  /**
   * @param options.force a volume that is not there is no error, and one whose driver fails is forgotten all the same
   * @throws Conflict `remove x: volume is in use - [id]`, and NotFound unless `force`
   */
  async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    const force = options.force === true;
    const volume = await this.#core.known(name);
    if (volume === undefined) {
      if (force) return;
      throw noSuchVolume(name);
    }
    await this.#core.inTurn(name, () => this.#core.removeUnused(volume, { force }));
  }

  /** Removes what nobody uses, of the driver `local`: Docker leaves the volumes of other drivers alone. */
  async prune(filters: Filters = {}): Promise<VolumePruneResponse> {
    const matches = pruneFilter(filters);
    const deleted: string[] = [];
    let bytes = 0;
    for (const volume of this.#records.all()) {
      if (volume.driver !== "local" || this.#core.isUsed(volume.name) || !matches(volume)) continue;
      const size = await this.#bytes(volume).catch(() => 0);
      try {
        await this.remove(volume.name);
      } catch (error) {
        // Somebody began to use it, or removed it, while we counted.
        if (kindOf(error) === "Conflict" || kindOf(error) === "NotFound") continue;
        throw error;
      }
      deleted.push(volume.name);
      bytes += Math.max(size, 0);
    }
    this.#core.emit({
      type: "volume",
      action: "prune",
      actorId: "",
      attributes: { reclaimed: String(bytes) },
    });
    return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
  }

  // ——— what containers need ———

  /**
   * Finds or makes a volume, notes that the container uses it, and makes its data accessible.
   * @throws Conflict while an import or a clone fills it
   */
  async acquire(options: AcquireOptions): Promise<AcquiredVolume> {
    const { volume, created } = await this.#core.ensure(options, options.containerId);
    try {
      const path = await this.#core.inTurn(volume.name, () =>
        this.#core.mount(volume, { containerId: options.containerId, early: options.early === true }),
      );
      return { name: volume.name, path, driver: volume.driver, created };
    } catch (error) {
      if (created) await this.#core.forget(volume, options.containerId);
      throw error;
    }
  }

  /** The container does not run, or not any more: what was mounted for its run is given back. */
  async ended(containerId: string): Promise<void> {
    const names = this.#records.mountedFor(containerId);
    if (names.length === 0) return;
    await Promise.all(
      names.map((name) => this.#core.inTurn(name, () => this.#core.unmountRun(name, containerId))),
    );
  }

  /** The container uses none any more. */
  async release(containerId: string): Promise<void> {
    await this.ended(containerId);
    const volumes = this.#records.volumesOf(containerId);
    this.#records.removeUses(containerId);
    await Promise.all(volumes.map((name) => this.#core.inTurn(name, () => this.#core.unmountUnused(name))));
  }

  /** Of these, removes the anonymous volumes that no other container uses. */
  async removeAnonymous(containerId: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const volume = this.#records.get(name);
      if (volume === undefined || !(ANONYMOUS_LABEL in volume.labels)) continue;
      if (this.#records.users(name).some((user) => user !== containerId)) continue;
      await this.#core
        .inTurn(name, () => this.#core.removeUnused(volume, { except: containerId }))
        .catch((error: unknown) =>
          log.warn("cannot remove an anonymous volume", { volume: name, reason: messageOf(error) }),
        );
    }
  }

  /**
   * Copies a directory of an image into the volume while that is empty: the files, and the ownership and mode of
   * the directory itself. Nothing happens where the image has no such directory.
   */
  async populate(name: string, from: RootDir, path: string): Promise<void> {
    const volume = this.#core.find(name);
    const facts = from.tryStat(path);
    if (facts?.kind !== "directory") return;
    await this.#core.inTurn(name, async () => {
      using root = openRoot(this.#core.pathOf(volume));
      if (root.list("").length > 0) return;
      const marked = volume.driver === "local";
      if (marked) this.#local.beginPopulate(volume);
      faultPoint("volumes.populate");
      await copyTree(from, path, root, "");
      if (marked) this.#local.endPopulate(volume);
    });
  }

  /**
   * A file or directory in a volume, held so that nobody can make the path mean another one.
   * @throws InvalidParameter where the path leads out of the volume or to nothing
   */
  openSubpath(name: string, subpath: string): PinnedPath {
    const volume = this.#core.find(name);
    return openSubpath(this.#core.pathOf(volume), subpath);
  }

  /** Tells the world that a container began to see a volume. */
  mounted(name: string, use: VolumeUse): void {
    this.#core.tell("mount", name, {
      container: use.containerId,
      destination: use.destination,
      propagation: use.propagation,
      "read/write": String(use.readWrite),
    });
  }

  /** Tells the world that a container sees it no more. */
  unmounted(name: string, containerId: string): void {
    this.#core.tell("unmount", name, { container: containerId });
  }

  // ——— inside ———

  #adopt(name: string): void {
    try {
      checkVolumeName(name);
    } catch {
      return;
    }
    log.info("found a volume's data that was not known; it is a volume again", { volume: name });
    this.#records.add({ name, driver: "local", created: nowText(), labels: {}, options: {} });
  }

  /** Without a mount its files can be counted; otherwise the size is not known (-1). */
  #bytes(volume: VolumeRecord, signal?: AbortSignal): Promise<number> {
    if (volume.options["device"] !== undefined || volume.driver !== "local") return Promise.resolve(-1);
    return treeBytes(this.#local.path(volume), signal);
  }
}

function viewOf(record: VolumeRecord, { plugin, volume }: PluginVolume): Volume {
  const { created, path, status } = volume;
  return volumeView(
    { ...record, created: created ?? record.created },
    { scope: plugin.scope, path, ...(status === undefined ? {} : { status }) },
  );
}
