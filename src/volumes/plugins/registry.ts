import { kindOf, log, messageOf, notFound } from "../../lib/index.ts";
import type { DriverVolume } from "../driver.ts";
import { findPlugin, listPlugins, type PluginFile, readAddress } from "./address.ts";
import { PLUGIN_PATIENCE, type PluginPatience, VolumePlugin } from "./plugin.ts";

/** A volume, and whose it is. */
export interface PluginVolume {
  readonly plugin: VolumePlugin;
  readonly volume: DriverVolume;
}

/** What all plugins together say; those that said nothing are told of in the warnings. */
export interface PluginVolumes {
  readonly volumes: readonly PluginVolume[];
  /** Names of the plugins whose volumes are all there. */
  readonly answered: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/** The volume plugins of this host: found by their files each time, so one that is installed later is there too. */
export class VolumePlugins {
  readonly #folders: readonly string[];
  readonly #patience: PluginPatience;
  readonly #plugins = new Map<string, { readonly version: string; readonly plugin: VolumePlugin }>();

  constructor(folders: readonly string[], patience: PluginPatience = PLUGIN_PATIENCE) {
    this.#folders = folders;
    this.#patience = patience;
  }

  /** One that somebody named. @throws NotFound in Docker's words, PluginSilence */
  async get(name: string): Promise<VolumePlugin> {
    const file = findPlugin(this.#folders, name);
    if (file === undefined) {
      this.#plugins.delete(name);
      throw notFound(`error looking up volume plugin ${name}: plugin ${JSON.stringify(name)} not found`);
    }
    const plugin = this.#plugin(file);
    await plugin.activate({ probing: false });
    return plugin;
  }

  /** What is known of a plugin without asking it. */
  known(name: string): VolumePlugin | undefined {
    return this.#plugins.get(name)?.plugin;
  }

  /** Those that answer now and are volume drivers. */
  async active(): Promise<VolumePlugin[]> {
    const asked = await Promise.all(listPlugins(this.#folders).map((file) => this.#tryActivate(file)));
    return asked.flatMap((each) => (each instanceof VolumePlugin ? [each] : []));
  }

  /** Asks all plugins for their volumes. */
  async volumes(): Promise<PluginVolumes> {
    const volumes: PluginVolume[] = [];
    const answered = new Set<string>();
    const warnings: string[] = [];
    await Promise.all(
      listPlugins(this.#folders).map(async (file) => {
        const plugin = await this.#tryActivate(file);
        if (plugin === undefined) return;
        try {
          if (typeof plugin === "string") throw new Error(plugin);
          for (const volume of await plugin.list()) volumes.push({ plugin, volume });
          answered.add(plugin.name);
        } catch (error) {
          warnings.push(`list ${file.name}: ${messageOf(error)}`);
        }
      }),
    );
    return { volumes, answered, warnings: warnings.sort() };
  }

  /** Asks all plugins for a volume by its name, as Docker does for one that it does not know. */
  async find(name: string): Promise<PluginVolume | undefined> {
    const found = await Promise.all(
      listPlugins(this.#folders).map(async (file) => {
        const plugin = await this.#tryActivate(file);
        if (!(plugin instanceof VolumePlugin)) return undefined;
        const volume = await plugin.get(name, { probing: true }).catch(() => undefined);
        return volume === undefined ? undefined : { plugin, volume };
      }),
    );
    return found.find((each) => each !== undefined);
  }

  /** Undefined for plugins of another kind, a text where it does not answer. */
  async #tryActivate(file: PluginFile): Promise<VolumePlugin | string | undefined> {
    try {
      const plugin = this.#plugin(file);
      if (plugin.sulks) return "the plugin does not answer";
      await plugin.activate({ probing: true });
      return plugin;
    } catch (error) {
      if (kindOf(error) === "NotFound") return undefined;
      log.debug("a plugin cannot be asked", { plugin: file.name, reason: messageOf(error) });
      return messageOf(error);
    }
  }

  #plugin(file: PluginFile): VolumePlugin {
    const known = this.#plugins.get(file.name);
    if (known?.version === file.version) return known.plugin;
    const plugin = new VolumePlugin(file.name, readAddress(file), this.#patience);
    this.#plugins.set(file.name, { version: file.version, plugin });
    return plugin;
  }
}
