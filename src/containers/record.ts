/**
 * What is kept of a container: one row of the database, one object in memory. The object is the truth while the
 * daemon runs (only this room changes it, and saves it right after), the row is what the next daemon finds.
 */
import type {
  ContainerConfig,
  ContainerStatus,
  Health,
  HostConfig,
  MountPoint,
  NetworkingConfig,
} from "../wire/index.ts";

export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string;
  /** Without the leading slash that `inspect` shows. */
  name: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  /** `sha256:…` of the image's configuration. */
  readonly imageId: string;
  /** As the user wrote it; also `config.Image`. */
  readonly imageReference: string;
  readonly platform: string;
  /** The snapshotter's name, shown as `Driver`. */
  readonly driver: string;
  /** The image's configuration merged with the request. */
  config: ContainerConfig;
  /** With the daemon's defaults filled in. */
  host: HostConfig;
  networking: NetworkingConfig;
  /** It was taken off the network of its mode: `networking` alone tells where it is. */
  leftMode?: boolean;
  /** First word of entrypoint and command together. */
  readonly path: string;
  readonly args: readonly string[];
  mounts: ContainerMount[];
  /** Where `LogPath` points; empty for drivers that keep no file. */
  logPath: string;
  state: ContainerStateRecord;
}

export interface ContainerStateRecord {
  status: ContainerStatus;
  /**
   * An operation that was begun and is not known to have ended: the next daemon undoes the first two and finishes
   * the third.
   */
  phase?: "creating" | "starting" | "removing";
  /** While it is `starting`: what the state was, should the start have to be undone. */
  before?: ContainerStateRecord;
  /** While it is `removing`: its anonymous volumes go too. */
  removeVolumes?: boolean;
  /** It is paused by the engine itself, for a moment: should the daemon end meanwhile, the next one lets it go on. */
  frozen?: true;
  /** Its end was told as an event, and is not told again should the daemon end before all is given back. */
  endTold?: true;
  /** Of the first process, in the daemon's PID namespace; 0 when none lives. */
  pid: number;
  /** The kernel's start time of that process: tells it from a later one with the same number. */
  startTime?: string;
  conmonPid?: number;
  exitCode: number;
  /** Why the last start failed. */
  error: string;
  oomKilled: boolean;
  /** RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` for never. */
  startedAt: string;
  finishedAt: string;
  /** Restarts by policy since the last start by hand. */
  restartCount: number;
  /**
   * Stopped or killed on request: `unless-stopped` and `on-failure` leave it alone, also when the daemon
   * starts.
   */
  manuallyStopped: boolean;
  /** It ran at least once. */
  startedBefore: boolean;
  /** Absent where no check is configured. */
  health?: Health;
}

/** A mount that was resolved when the container was created: where from, where to, how. */
export interface ContainerMount {
  readonly type: "bind" | "volume" | "tmpfs" | "image";
  /** Clean absolute path in the container. */
  readonly destination: string;
  /** Host path of a bind or volume; the image's reference for an image; empty for tmpfs. */
  source: string;
  /** The volume's name. */
  readonly name?: string;
  /** The volume's driver. */
  readonly driver?: string;
  /** What the user wrote behind the second colon of `-v`. */
  readonly mode: string;
  readonly readOnly: boolean;
  /** Empty: the default, which is `rprivate`. */
  readonly propagation: string;
  /** The volume was made for this container alone and goes with `rm -v` and `--rm`. */
  readonly anonymous?: boolean;
  /** Fill the volume from the image while it is empty. */
  readonly copyUp?: boolean;
  /** A bind's source that is missing is made (`-v`), not refused (`--mount`). */
  readonly createSource?: boolean;
  /** Of a volume or image: only this directory of it. Never leaves it. */
  readonly subpath?: string;
  /** Of an image: its id, and the key of the snapshot that is mounted. */
  readonly imageId?: string;
  readonly snapshotKey?: string;
  /** Leave out the mounts below a bind's source. */
  readonly nonRecursive?: boolean;
  /** `ro` is not applied to the mounts below; `force` makes a kernel that cannot do it an error. */
  readonly readOnlyRecursion?: "off" | "force";
  /** tmpfs: mount options as the kernel wants them (`size=64m`, `mode=1777`, `noexec`). */
  readonly options?: readonly string[];
  /** From another container's `--volumes-from`, `-v`, `--mount` or the image: decides what `inspect` repeats. */
  readonly origin: "bind" | "mount" | "tmpfs" | "image-volume" | "volumes-from";
}

/** The exit code of a process that ended while nobody looked and left no word. */
export const UNKNOWN_EXIT_CODE = 255;

/** Docker's view of a mount. */
export function mountPointOf(mount: ContainerMount): MountPoint {
  return {
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === undefined ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: !mount.readOnly,
    Propagation: mount.propagation,
  };
}

/** Docker's "running": a paused container and one that waits to be restarted count too. */
export function isRunning(record: ContainerRecord): boolean {
  const { status } = record.state;
  return status === "running" || status === "paused" || status === "restarting";
}

/** There is a first process. */
export function hasProcess(record: ContainerRecord): boolean {
  const { status, pid } = record.state;
  return pid > 0 && (status === "running" || status === "paused");
}
