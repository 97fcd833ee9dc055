import {
  conflict,
  type EmitEvent,
  EngineError,
  faultPoint,
  kindOf,
  log,
  messageOf,
  newId,
  notFound,
  unavailable,
} from "../lib/index.ts";
import { copyTree, openRoot, type RootDir } from "../linux/index.ts";
import type { Database } from "../store/index.ts";
import type { Volume, VolumeCreateRequest, VolumeListResponse, VolumePruneResponse } from "../wire/index.ts";
import type { VolumeDriver } from "./driver.ts";
import { type Filters, listFilter, pruneFilter } from "./filters.ts";
import { LocalDriver } from "./local/local-driver.ts";
import { ANONYMOUS_LABEL, checkVolumeName } from "./names.ts";
import { type VolumeRecord, VolumeRecords } from "./records.ts";
import { openSubpath, type PinnedPath } from "./subpath.ts";
import { treeBytes } from "./usage.ts";

export interface VolumesOptions {
  readonly database: Database;
  readonly emit: EmitEvent;
  /** `<data root>/volumes` */
  readonly root: string;
  /** `<data root>/trash` */
  readonly trash: string;
}

export interface AcquireOptions {
  /** None: an anonymous one is made. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly containerId: string;
}

export interface AcquiredVolume {
  readonly name: string;
  /** The data's directory on the host, accessible. */
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
 * `acquire` again at each start of a container, since a restart of the host takes mounts away.
 */
export class Volumes {
  readonly #records: VolumeRecords;
  readonly #emit: EmitEvent;
  readonly #local: LocalDriver;
  readonly #drivers: ReadonlyMap<string, VolumeDriver>;
  /** The last operation on each volume: those that change its mount or content wait for one another. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: VolumesOptions) {
    this.#records = new VolumeRecords(options.database);
    this.#emit = options.emit;
    this.#local = new LocalDriver({ root: options.root, trash: options.trash });
    this.#drivers = new Map<string, VolumeDriver>([[this.#local.name, this.#local]]);
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
    const { volume } = await this.#ensure({
      name: request.Name || undefined,
      driver: request.Driver,
      driverOptions: request.DriverOpts ?? {},
      labels: request.Labels ?? {},
    });
    await this.#records.durable();
    return this.#shown(volume);
  }

  list(filters: Filters = {}): VolumeListResponse {
    const matches = listFilter(filters);
    const volumes = this.#records.all().filter((volume) => matches(volume, this.#isUsed(volume.name)));
    return { Volumes: volumes.map((volume) => this.#shown(volume)), Warnings: null };
  }

  /** @throws NotFound `get x: no such volume` */
  inspect(name: string): Volume {
    return this.#shown(this.#find(name));
  }

  /** With size and use count, for `system df`. Counting takes long where there are many files. */
  async usage(signal?: AbortSignal): Promise<Volume[]> {
    const volumes: Volume[] = [];
    for (const volume of this.#records.all()) {
      const Size = await this.#bytes(volume, signal);
      volumes.push({
        ...this.#shown(volume),
        UsageData: { Size, RefCount: this.#records.users(volume.name).length },
      });
    }
    return volumes;
  }

  /**
   * @throws Conflict `remove x: volume is in use - [id]`, and NotFound unless `force`
   */
  async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    if (options.force === true && this.#records.get(name) === undefined) return;
    const volume = this.#find(name);
    await this.#inTurn(name, () => this.#removeUnused(volume));
  }

  async prune(filters: Filters = {}): Promise<VolumePruneResponse> {
    const matches = pruneFilter(filters);
    const deleted: string[] = [];
    let bytes = 0;
    for (const volume of this.#records.all()) {
      if (this.#isUsed(volume.name) || !matches(volume)) continue;
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
    this.#emit({ type: "volume", action: "prune", actorId: "", attributes: { reclaimed: String(bytes) } });
    return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
  }

  /** Only volumes of a cluster can be changed. @throws always */
  update(name: string): never {
    this.#find(name);
    throw unavailable("This node is not a swarm manager: only cluster volumes can be updated.");
  }

  // ——— what containers need ———

  /** Finds or makes a volume, notes that the container uses it, and makes its data accessible. */
  async acquire(options: AcquireOptions): Promise<AcquiredVolume> {
    const { volume, created } = await this.#ensure(options, options.containerId);
    try {
      const path = await this.#inTurn(volume.name, () => this.#driver(volume.driver).mount(volume));
      return { name: volume.name, path, driver: volume.driver, created };
    } catch (error) {
      if (created) await this.#forget(volume, options.containerId);
      throw error;
    }
  }

  /** The container uses none any more. */
  async release(containerId: string): Promise<void> {
    const volumes = this.#records.volumesOf(containerId);
    this.#records.removeUses(containerId);
    await Promise.all(volumes.map((name) => this.#inTurn(name, () => this.#unmountUnused(name))));
  }

  /** Of these, removes the anonymous volumes that no other container uses. */
  async removeAnonymous(containerId: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const volume = this.#records.get(name);
      if (volume === undefined || !(ANONYMOUS_LABEL in volume.labels)) continue;
      if (this.#records.users(name).some((user) => user !== containerId)) continue;
      await this.#inTurn(name, () => this.#removeUnused(volume, containerId)).catch((error: unknown) =>
        log.warn("cannot remove an anonymous volume", { volume: name, reason: messageOf(error) }),
      );
    }
  }

  /**
   * Copies a directory of an image into the volume while that is empty: the files, and the ownership and mode of
   * the directory itself. Nothing happens where the image has no such directory.
   */
  async populate(name: string, from: RootDir, path: string): Promise<void> {
    const volume = this.#find(name);
    const facts = from.tryStat(path);
    if (facts?.kind !== "directory") return;
    await this.#inTurn(name, async () => {
      using root = openRoot(this.#driver(volume.driver).path(volume));
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
    const volume = this.#find(name);
    return openSubpath(this.#driver(volume.driver).path(volume), subpath);
  }

  /** Tells the world that a container began to see a volume. */
  mounted(name: string, use: VolumeUse): void {
    this.#tell("mount", name, {
      container: use.containerId,
      destination: use.destination,
      propagation: use.propagation,
      "read/write": String(use.readWrite),
    });
  }

  /** Tells the world that a container sees it no more. */
  unmounted(name: string, containerId: string): void {
    this.#tell("unmount", name, { container: containerId });
  }

  // ——— inside ———

  /** Finds or makes; a user, if given, is noted before anybody can remove it. */
  async #ensure(
    wish: Omit<AcquireOptions, "containerId" | "name"> & { name?: string | undefined },
    user?: string,
  ): Promise<{ volume: VolumeRecord; created: boolean }> {
    const name = wish.name ?? newId();
    checkVolumeName(name);
    return await this.#inTurn(name, async () => {
      const existing = this.#records.get(name);
      const volume =
        existing === undefined ? await this.#make(name, wish) : sameDriver(existing, wish.driver);
      if (user !== undefined) this.#records.addUse(name, user);
      return { volume, created: existing === undefined };
    });
  }

  async #make(
    name: string,
    wish: Omit<AcquireOptions, "containerId" | "name"> & { name?: string | undefined },
  ): Promise<VolumeRecord> {
    const volume: VolumeRecord = {
      name,
      driver: wish.driver || "local",
      created: `${new Date().toISOString().slice(0, 19)}Z`,
      labels: wish.name === undefined ? { ...wish.labels, [ANONYMOUS_LABEL]: "" } : { ...wish.labels },
      options: { ...wish.driverOptions },
    };
    await this.#driver(volume.driver)
      .create(volume)
      .catch((error: unknown) => {
        throw new EngineError(kindOf(error), `create ${name}: ${messageOf(error)}`, { cause: error });
      });
    faultPoint("volumes.create.directory");
    this.#records.add(volume);
    this.#tell("create", name, {});
    return volume;
  }

  async #removeUnused(volume: VolumeRecord, except?: string): Promise<void> {
    const users = this.#records.users(volume.name).filter((user) => user !== except);
    if (users.length > 0) {
      throw conflict(`remove ${volume.name}: volume is in use - [${users.join(", ")}]`);
    }
    const driver = volume.driver;
    await this.#driver(driver).remove(volume);
    faultPoint("volumes.remove.directory");
    this.#records.remove(volume.name);
    this.#emit({ type: "volume", action: "destroy", actorId: volume.name, attributes: { driver } });
  }

  async #unmountUnused(name: string): Promise<void> {
    const volume = this.#records.get(name);
    if (volume === undefined || this.#isUsed(name)) return;
    await this.#driver(volume.driver)
      .unmount(volume)
      .catch((error: unknown) =>
        log.warn("cannot unmount a volume that nobody uses", { volume: name, reason: messageOf(error) }),
      );
  }

  /** Undo of a volume that was made for a container and could not be mounted. */
  async #forget(volume: VolumeRecord, containerId: string): Promise<void> {
    await this.#inTurn(volume.name, () => this.#removeUnused(volume, containerId)).catch(() => {});
  }

  #adopt(name: string): void {
    try {
      checkVolumeName(name);
    } catch {
      return;
    }
    log.info("found a volume's data that was not known; it is a volume again", { volume: name });
    const created = `${new Date().toISOString().slice(0, 19)}Z`;
    this.#records.add({ name, driver: "local", created, labels: {}, options: {} });
  }

  /** One after the other for each volume; what went wrong before is not ours. */
  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work, work);
    this.#turns.set(name, turn);
    const leave = () => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    };
    turn.then(leave, leave);
    return turn;
  }

  #find(name: string): VolumeRecord {
    const volume = this.#records.get(name);
    if (volume === undefined) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  #driver(name: string): VolumeDriver {
    const driver = this.#drivers.get(name);
    if (driver === undefined) {
      throw notFound(`error looking up volume plugin ${name}: plugin ${JSON.stringify(name)} not found`);
    }
    return driver;
  }

  #isUsed(name: string): boolean {
    return this.#records.users(name).length > 0;
  }

  /** Without options, or mounted, its files can be counted; otherwise the size is not known (-1). */
  #bytes(volume: VolumeRecord, signal?: AbortSignal): Promise<number> {
    if (Object.keys(volume.options).length > 0 || volume.driver !== "local") return Promise.resolve(-1);
    return treeBytes(this.#local.path(volume), signal);
  }

  #tell(action: string, name: string, attributes: Record<string, string>): void {
    const driver = this.#records.get(name)?.driver ?? "local";
    this.#emit({ type: "volume", action, actorId: name, attributes: { driver, ...attributes } });
  }

  #shown(volume: VolumeRecord): Volume {
    return {
      CreatedAt: volume.created,
      Driver: volume.driver,
      Labels: nullIfEmpty(volume.labels),
      Mountpoint: this.#drivers.get(volume.driver)?.path(volume) ?? "",
      Name: volume.name,
      Options: nullIfEmpty(volume.options),
      Scope: this.#drivers.get(volume.driver)?.scope ?? "local",
    };
  }
}

function sameDriver(existing: VolumeRecord, driver: string | undefined): VolumeRecord {
  // `local` is what clients say who mean any.
  if (driver === undefined || driver === "" || driver === "local" || driver === existing.driver)
    return existing;
  throw conflict(`create ${existing.name}: conflict: volume name must be unique`);
}

const nullIfEmpty = (map: Readonly<Record<string, string>>) =>
  Object.keys(map).length === 0 ? null : { ...map };
