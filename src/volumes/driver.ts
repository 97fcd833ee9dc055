/** What a driver is told about a volume. */
export interface VolumeFacts {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What a driver tells about a volume of its own. */
export interface DriverVolume {
  readonly name: string;
  /** Where its data is on this host; empty where nobody knows, or as long as it is not mounted. */
  readonly path: string;
  /** RFC 3339; absent where the driver does not tell. */
  readonly created?: string;
  /** Whatever else the driver has to say, for `inspect`. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/**
 * A way to keep volumes. The engine knows which volumes there are, who uses them and what they are called; a
 * driver knows where their data is.
 *
 * A volume's life: `create`, then any number of times `mount` and `unmount` in turn, then `remove`. All of them
 * are idempotent: the daemon may have died after the driver did its part and before that was noted down.
 */
export interface VolumeDriver {
  readonly name: string;
  /** `local`: the data is on this host; `global`: every host sees the same. */
  readonly scope: "local" | "global";
  /**
   * When the data is mounted: while any container uses the volume, running or not, or for each run of a container, as
   * drivers want it that bring disks to hosts.
   */
  readonly mountsFor: "use" | "run";
  /** @throws InvalidParameter for options that it does not know; then nothing was made. */
  create(volume: VolumeFacts): Promise<void>;
  /** The data is gone afterwards, or will be soon. @throws Conflict where it is still mounted by somebody. */
  remove(volume: VolumeFacts): Promise<void>;
  /**
   * Makes the data accessible. Resolves to the directory on the host.
   * @param user for whom; `unmount` says the same
   */
  mount(volume: VolumeFacts, user: string): Promise<string>;
  /** That user needs the data no more. */
  unmount(volume: VolumeFacts, user: string): Promise<void>;
  /** Where the data is or would be, as far as that is known without asking anybody. */
  path(volume: VolumeFacts): string;
}
