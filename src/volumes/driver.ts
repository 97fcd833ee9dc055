/** What a driver is told about a volume. */
export interface VolumeFacts {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
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
  /** @throws InvalidParameter for options that it does not know; then nothing was made. */
  create(volume: VolumeFacts): Promise<void>;
  /** The data is gone afterwards, or will be soon. @throws Conflict where it is still mounted by somebody. */
  remove(volume: VolumeFacts): Promise<void>;
  /** Makes the data accessible. Resolves to the directory on the host. */
  mount(volume: VolumeFacts): Promise<string>;
  /** Nobody needs the data to be accessible any more. */
  unmount(volume: VolumeFacts): Promise<void>;
  /** Where the data is or would be, without making it accessible. */
  path(volume: VolumeFacts): string;
}
