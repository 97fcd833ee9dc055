import {
  conflict,
  type EmitEvent,
  EngineError,
  faultPoint,
  invalidParameter,
  kindOf,
  log,
  messageOf,
  newId,
  notFound,
} from "../lib/index.ts";
import type { Volume } from "../wire/index.ts";
import { assertAnswers } from "./answers.ts";
import type { VolumeDriver } from "./driver.ts";
import type { LocalDriver } from "./local/local-driver.ts";
import { ANONYMOUS_LABEL, checkVolumeName } from "./names.ts";
import { VolumePlugin } from "./plugins/plugin.ts";
import type { VolumePlugins } from "./plugins/registry.ts";
import type { VolumeRecord, VolumeRecords } from "./records.ts";
import { nowText, recordOf, volumeView } from "./view.ts";

/** A volume that is asked for. */
export interface VolumeWish {
  /** None: an anonymous one is made. */
  readonly name?: string | undefined;
  /** None: whatever driver it has, else `local`. */
  readonly driver?: string | undefined;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What there is of volumes, and the steps that the operations on them are made of. Steps that change a volume's mount or
 * content are taken one after the other for each volume, by `inTurn`.
 */
export class VolumeCore {
  readonly records: VolumeRecords;
  readonly local: LocalDriver;
  readonly plugins: VolumePlugins;
  readonly emit: EmitEvent;
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Volumes that the engine itself reads or fills, and how often: as good as used. */
  readonly #held = new Map<string, number>();
  /** Volumes whose content is being brought in. */
  readonly #filling = new Set<string>();

  constructor(parts: {
    records: VolumeRecords;
    local: LocalDriver;
    plugins: VolumePlugins;
    emit: EmitEvent;
  }) {
    this.records = parts.records;
    this.local = parts.local;
    this.plugins = parts.plugins;
    this.emit = parts.emit;
  }

  /** Finds or makes; a user, if given, is noted before anybody can remove it. */
  async ensure(wish: VolumeWish, user?: string): Promise<{ volume: VolumeRecord; created: boolean }> {
    const name = wish.name ?? newId();
    if (!wish.driver || wish.driver === "local") checkVolumeName(name);
    return await this.inTurn(name, async () => {
      this.refuseFilling(name, user);
      const existing = await this.existing(name, wish);
      const volume = existing ?? (await this.make(name, wish));
      if (user !== undefined) this.records.addUse(name, user);
      return { volume, created: existing === undefined };
    });
  }

  /**
   * The volume of that name, if there is one and it is of the driver that is wanted; one that only a driver knows is
   * known from now on.
   * @throws Conflict where it is another driver's
   */
  async existing(name: string, { driver, labels }: VolumeWish): Promise<VolumeRecord | undefined> {
    const anonymous = labels !== undefined && ANONYMOUS_LABEL in labels;
    const record = this.records.get(name);
    if (record === undefined) return driver || anonymous ? undefined : await this.known(name);
    if (await this.#isGone(record)) {
      this.records.remove(name);
      return undefined;
    }
    // `local` is what clients say who mean any.
    if (!driver || driver === "local" || driver === record.driver) return record;
    throw nameIsTaken(name);
  }

  /** A volume of somebody else's driver that was removed behind our back. */
  async #isGone(record: VolumeRecord): Promise<boolean> {
    if (record.driver === "local" || this.isUsed(record.name)) return false;
    try {
      return (await this.askDriver(record)) === undefined;
    } catch {
      return false;
    }
  }

  async make(name: string, wish: VolumeWish): Promise<VolumeRecord> {
    const volume: VolumeRecord = {
      name,
      driver: wish.driver || "local",
      created: nowText(),
      labels: wish.name === undefined ? { ...wish.labels, [ANONYMOUS_LABEL]: "" } : { ...wish.labels },
      options: { ...wish.driverOptions },
    };
    try {
      const driver = await this.driver(volume.driver);
      // One that was made elsewhere, on a driver that all hosts share, is taken as it is.
      if (!(await hasVolume(driver, name))) await driver.create(volume);
    } catch (error) {
      throw new EngineError(kindOf(error), `create ${name}: ${messageOf(error)}`, { cause: error });
    }
    faultPoint("volumes.create.directory");
    this.records.add(volume);
    this.tell("create", name, {});
    return volume;
  }

  async mount(
    volume: VolumeRecord,
    { containerId, early }: { containerId: string; early: boolean },
  ): Promise<string> {
    this.refuseFilling(volume.name, containerId);
    if (volume.driver === "local") return await this.local.mount(volume);
    // What was made with its container is asked for at its start.
    if (early) return this.plugins.known(volume.driver)?.path(volume) ?? "";
    const driver = await this.driver(volume.driver);
    this.records.addMount(volume.name, containerId);
    return await mountAndLook(driver, volume, containerId);
  }

  async unmountRun(name: string, containerId: string): Promise<void> {
    const volume = this.records.get(name);
    try {
      if (volume !== undefined) await (await this.driver(volume.driver)).unmount(volume, containerId);
    } catch (error) {
      const reason = messageOf(error);
      log.warn("cannot unmount a volume", { volume: name, container: containerId, reason });
    }
    this.records.removeMount(name, containerId);
  }

  async removeUnused(volume: VolumeRecord, options: { except?: string; force?: boolean }): Promise<void> {
    const { name, driver } = volume;
    const users = this.records.users(name).filter((user) => user !== options.except);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
    if (this.#held.has(name)) throw conflict(`remove ${name}: volume is in use - [it is being copied]`);
    try {
      await (await this.driver(driver)).remove(volume);
    } catch (error) {
      if (options.force === true && driver !== "local") this.records.remove(name);
      throw new EngineError(kindOf(error), `remove ${name}: ${messageOf(error)}`, { cause: error });
    }
    faultPoint("volumes.remove.directory");
    this.records.remove(name);
    this.emit({ type: "volume", action: "destroy", actorId: name, attributes: { driver } });
  }

  /** Of the driver `local`: others are told of runs. */
  async unmountUnused(name: string): Promise<void> {
    const volume = this.records.get(name);
    if (volume?.driver !== "local" || this.isUsed(name)) return;
    await this.local
      .unmount(volume)
      .catch((error: unknown) =>
        log.warn("cannot unmount a volume that nobody uses", { volume: name, reason: messageOf(error) }),
      );
  }

  /** Undo of a volume that was made for a container and could not be mounted. */
  async forget(volume: VolumeRecord, containerId: string): Promise<void> {
    await this.inTurn(volume.name, () => this.removeUnused(volume, { except: containerId })).catch(() => {});
  }

  /** Makes a volume accessible to the engine itself, and keeps it from being removed, until the undo. */
  async hold(name: string, undo: AsyncDisposableStack): Promise<string> {
    const volume = await this.known(name);
    if (volume === undefined) throw noSuchVolume(name);
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    undo.defer(async () => {
      const left = this.#held.get(name)! - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
      await this.inTurn(name, () => this.unmountUnused(name));
    });
    if (volume.driver === "local") return await this.inTurn(name, () => this.local.mount(volume));
    const driver = await this.driver(volume.driver);
    const user = newId();
    undo.defer(() =>
      this.inTurn(name, () => driver.unmount(volume, user)).catch((error: unknown) =>
        log.warn("cannot unmount a volume", { volume: name, reason: messageOf(error) }),
      ),
    );
    return await this.inTurn(name, () => mountAndLook(driver, volume, user));
  }

  /**
   * A container may go on using what it uses while files are brought in; nobody else may come.
   * @throws Conflict
   */
  refuseFilling(name: string, user: string | undefined): void {
    if (!this.#filling.has(name)) return;
    if (user === undefined || !this.records.users(name).includes(user)) throw beingFilled(name);
  }

  /** Files are about to be brought in, until the undo. @throws Conflict where that is so already */
  beginFilling(name: string, undo: AsyncDisposableStack): void {
    if (this.#filling.has(name)) throw beingFilled(name);
    this.#filling.add(name);
    undo.defer(() => void this.#filling.delete(name));
  }

  /** One after the other for each volume; what went wrong before is not ours. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work, work);
    this.#turns.set(name, turn);
    const leave = () => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    };
    turn.then(leave, leave);
    return turn;
  }

  find(name: string): VolumeRecord {
    const volume = this.records.get(name);
    if (volume === undefined) throw noSuchVolume(name);
    return volume;
  }

  /** The volume of that name; one that only a driver has is known from now on. */
  async known(name: string): Promise<VolumeRecord | undefined> {
    const record = this.records.get(name);
    if (record !== undefined) return record;
    const found = await this.plugins.find(name);
    const meanwhile = this.records.get(name);
    if (found === undefined || meanwhile !== undefined) return meanwhile;
    const volume = recordOf(found.plugin.name, found.volume);
    this.records.add(volume);
    return volume;
  }

  /** What a driver of others says about a volume of its own. @throws System where it does not answer */
  async askDriver({ name, driver }: VolumeRecord) {
    try {
      const plugin = await this.plugins.get(driver);
      const volume = await plugin.get(name, { probing: false });
      return volume === undefined ? undefined : { plugin, volume };
    } catch (error) {
      const [quotedName, quotedDriver] = [JSON.stringify(name), JSON.stringify(driver)];
      throw new EngineError(
        "System",
        `get ${name}: error while checking if volume ${quotedName} exists in driver ${quotedDriver}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** @throws NotFound, or System where the plugin does not answer */
  async driver(name: string): Promise<VolumeDriver> {
    return name === this.local.name ? this.local : await this.plugins.get(name);
  }

  /** Of a volume that is acquired. */
  pathOf(volume: VolumeRecord): string {
    const driver = volume.driver === "local" ? this.local : this.plugins.known(volume.driver);
    const path = driver?.path(volume) ?? "";
    if (path === "") throw invalidParameter(`volume ${volume.name} is not mounted`);
    return path;
  }

  isUsed(name: string): boolean {
    return this.#held.has(name) || this.records.users(name).length > 0;
  }

  tell(action: string, name: string, attributes: Record<string, string>): void {
    const driver = this.records.get(name)?.driver ?? "local";
    this.emit({ type: "volume", action, actorId: name, attributes: { driver, ...attributes } });
  }

  /** As far as is known without asking anybody. */
  shown(volume: VolumeRecord): Volume {
    const driver = volume.driver === "local" ? this.local : this.plugins.known(volume.driver);
    return volumeView(volume, { scope: driver?.scope ?? "local", path: driver?.path(volume) ?? "" });
  }
}

/** In Docker's words. */
export const noSuchVolume = (name: string) => notFound(`get ${name}: no such volume`);
/** In Docker's words. */
export const nameIsTaken = (name: string) => conflict(`create ${name}: conflict: volume name must be unique`);
const beingFilled = (name: string) => conflict(`volume ${name} is being filled by an import or a clone`);

async function hasVolume(driver: VolumeDriver, name: string): Promise<boolean> {
  return driver instanceof VolumePlugin && (await driver.get(name, { probing: false })) !== undefined;
}

/** The data of a driver of others, which may be on a file system that does not answer. */
async function mountAndLook(driver: VolumeDriver, volume: VolumeRecord, user: string): Promise<string> {
  const path = await driver.mount(volume, user);
  await assertAnswers(path);
  return path;
}
