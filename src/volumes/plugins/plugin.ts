import { log, messageOf, notFound, systemError } from "../../lib/index.ts";
import type { DriverVolume, VolumeDriver, VolumeFacts } from "../driver.ts";
import type { PluginAddress } from "./address.ts";
import { type Answer, callPlugin, PluginRefusal, PluginSilence } from "./call.ts";

/** How long a plugin may take, in milliseconds. */
export interface PluginPatience {
  /** For calls that move data or disks: Create, Mount, Remove. */
  readonly workMs: number;
  /** For Unmount: the end of a container waits for it. */
  readonly unmountMs: number;
  /** For questions about a volume that somebody named. */
  readonly askMs: number;
  /** For questions to all plugins there are, where most callers don't mean this one. */
  readonly probeMs: number;
  /** How long one that nobody listens for is tried again: it may be starting. */
  readonly startMs: number;
  /** How long one that did not answer is left out of questions to all. */
  readonly sulkMs: number;
}

export const PLUGIN_PATIENCE: PluginPatience = {
  workMs: 120_000,
  unmountMs: 30_000,
  askMs: 10_000,
  probeMs: 2_000,
  startMs: 3_000,
  sulkMs: 30_000,
};

const FIRST_PAUSE_MS = 25;
/** What a volume may be called by a plugin: it is shown, compared and sent back, never made a part of a path. */
const VOLUME_NAME_LENGTH_MAX = 255;
const VOLUMES_MAX = 10_000;

/** A volume driver that is somebody else's program (docs.docker.com/engine/extend/plugins_volume). */
export class VolumePlugin implements VolumeDriver {
  readonly name: string;
  readonly mountsFor = "run";
  readonly #address: PluginAddress;
  readonly #patience: PluginPatience;
  /** What the plugin said last about where volumes are. */
  readonly #paths = new Map<string, string>();
  #activation: Promise<void> | undefined;
  #scope: "local" | "global" = "local";
  #silentUntil = 0;

  constructor(name: string, address: PluginAddress, patience: PluginPatience) {
    this.name = name;
    this.#address = address;
    this.#patience = patience;
  }

  get scope(): "local" | "global" {
    return this.#scope;
  }

  /** It did not answer a short while ago: no use in asking unless somebody wants this very one. */
  get sulks(): boolean {
    return performance.now() < this.#silentUntil;
  }

  /**
   * Says hello, once, and asks what it is. Whoever made this plugin calls it before anything else.
   * @throws NotFound where it is no volume driver
   */
  async activate(options: { probing: boolean }): Promise<void> {
    this.#activation ??= this.#activate(options.probing).catch((error: unknown) => {
      // It may be another program by the next time.
      this.#activation = undefined;
      throw error;
    });
    await this.#activation;
  }

  async #activate(probing: boolean): Promise<void> {
    const timeoutMs = probing ? this.#patience.probeMs : this.#patience.askMs;
    const { Implements: kinds } = await this.#call("Plugin.Activate", {}, timeoutMs, probing);
    if (!Array.isArray(kinds) || !kinds.includes("VolumeDriver")) {
      throw notFound(
        `error looking up volume plugin ${this.name}: Plugin does not implement the requested driver`,
      );
    }
    const answer = await this.#call("VolumeDriver.Capabilities", {}, timeoutMs, probing).catch(
      (error: unknown) => {
        // Drivers of before Docker 1.12 have none.
        if (error instanceof PluginRefusal) return {} as Answer;
        throw error;
      },
    );
    const capabilities = answer["Capabilities"] as { Scope?: unknown } | null | undefined;
    this.#scope = String(capabilities?.Scope).toLowerCase() === "global" ? "global" : "local";
  }

  async create({ name, options }: VolumeFacts): Promise<void> {
    await this.#work("VolumeDriver.Create", { Name: name, Opts: { ...options } }, this.#patience.workMs);
  }

  async remove({ name }: VolumeFacts): Promise<void> {
    await this.#work("VolumeDriver.Remove", { Name: name }, this.#patience.workMs);
    this.#paths.delete(name);
  }

  async mount({ name }: VolumeFacts, user: string): Promise<string> {
    const answer = await this.#work("VolumeDriver.Mount", { Name: name, ID: user }, this.#patience.workMs);
    const path = pathIn(answer);
    if (path === "") {
      throw systemError(
        `VolumeDriver.Mount: plugin ${this.name} does not say where volume ${name} is mounted`,
      );
    }
    this.#paths.set(name, path);
    return path;
  }

  async unmount({ name }: VolumeFacts, user: string): Promise<void> {
    await this.#work("VolumeDriver.Unmount", { Name: name, ID: user }, this.#patience.unmountMs);
  }

  path({ name }: Pick<VolumeFacts, "name">): string {
    return this.#paths.get(name) ?? "";
  }

  /** What it knows of one volume; undefined where it has none of that name. @throws PluginSilence */
  async get(name: string, options: { probing: boolean }): Promise<DriverVolume | undefined> {
    const timeoutMs = options.probing ? this.#patience.probeMs : this.#patience.askMs;
    try {
      const { Volume: volume } = await this.#call(
        "VolumeDriver.Get",
        { Name: name },
        timeoutMs,
        options.probing,
      );
      const read = readVolume(volume);
      if (read?.name !== name) return undefined;
      const path = read.path || (options.probing ? "" : await this.#askPath(name));
      if (path !== "") this.#paths.set(name, path);
      return { ...read, path };
    } catch (error) {
      if (error instanceof PluginRefusal) return undefined;
      throw error;
    }
  }

  /** For drivers that don't say with everything else where the data is. */
  async #askPath(name: string): Promise<string> {
    try {
      return pathIn(await this.#work("VolumeDriver.Path", { Name: name }, this.#patience.askMs));
    } catch (error) {
      if (error instanceof PluginRefusal) return "";
      throw error;
    }
  }

  /** All volumes that it has. @throws PluginSilence, PluginRefusal */
  async list(): Promise<DriverVolume[]> {
    const { Volumes: volumes } = await this.#call("VolumeDriver.List", {}, this.#patience.probeMs, true);
    if (volumes === undefined || volumes === null) return [];
    if (!Array.isArray(volumes)) throw systemError(`VolumeDriver.List: plugin ${this.name} gives no list`);
    return volumes.slice(0, VOLUMES_MAX).flatMap((volume: unknown) => readVolume(volume) ?? []);
  }

  async #work(method: string, body: unknown, timeoutMs: number): Promise<Answer> {
    return await this.#call(method, body, timeoutMs, false);
  }

  async #call(method: string, body: unknown, timeoutMs: number, probing: boolean): Promise<Answer> {
    try {
      const answer = await this.#callPatiently(method, body, timeoutMs, probing);
      this.#silentUntil = 0;
      return answer;
    } catch (error) {
      if (error instanceof PluginSilence) this.#sulk(error);
      throw error;
    }
  }

  async #callPatiently(method: string, body: unknown, timeoutMs: number, probing: boolean): Promise<Answer> {
    const until = performance.now() + (probing ? 0 : this.#patience.startMs);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      try {
        return await callPlugin(this.#address, method, body, timeoutMs);
      } catch (error) {
        const again = error instanceof PluginSilence && error.unheard && performance.now() + pauseMs < until;
        if (!again) throw error;
      }
      await Bun.sleep(pauseMs);
    }
  }

  #sulk(error: PluginSilence): void {
    if (!this.sulks)
      log.warn("a volume plugin does not answer", { plugin: this.name, reason: messageOf(error) });
    this.#silentUntil = performance.now() + this.#patience.sulkMs;
  }
}

function readVolume(volume: unknown): DriverVolume | undefined {
  if (typeof volume !== "object" || volume === null) return undefined;
  const { Name: name, CreatedAt: created, Status: status } = volume as Record<string, unknown>;
  if (typeof name !== "string" || !isVolumeName(name)) return undefined;
  const isStatus = typeof status === "object" && status !== null && !Array.isArray(status);
  return {
    name,
    path: pathIn(volume as Answer),
    ...(typeof created === "string" && isTime(created) ? { created } : {}),
    ...(isStatus ? { status: status as Record<string, unknown> } : {}),
  };
}

function isVolumeName(name: string): boolean {
  return name !== "" && name.length <= VOLUME_NAME_LENGTH_MAX && !/[\0-\x1f\x7f]/.test(name);
}

const isTime = (text: string) => /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text);

/** An absolute path, or nothing. */
function pathIn(answer: Answer): string {
  const path = answer["Mountpoint"];
  return typeof path === "string" && /^\/[^\0-\x1f\x7f]*$/.test(path) && path.length < 4096 ? path : "";
}
