/**
 * What this room needs of its peers and of the machine. The peers' doors satisfy these interfaces without
 * knowing of
 * them; `daemon/` puts the two together; tests put fakes in.
 *
 * Everything keyed by a container's id is idempotent in its undo: `release` and `remove` of what is not there
 * succeed.
 */
import type { NetworkNamespace, RootDir } from "../linux/index.ts";
import type {
  ContainerConfig,
  EndpointSettings,
  FilesystemChange,
  ImageConfig,
  NetworkingConfig,
  NetworkSettings,
  PortMap,
} from "../wire/index.ts";
import type { EtcChange } from "./etc-update.ts";

export interface ResolvedImage {
  /** `sha256:…` of the image's configuration. */
  readonly id: string;
  /** What the image says about containers made from it. */
  readonly config: ImageConfig;
  /** Canonical: `busybox:latest`, or the id where it was named by it. */
  readonly reference: string;
  /** `linux` */
  readonly os?: string;
}

export interface CommitOptions {
  readonly containerId: string;
  /** For the record of how the image came about. */
  readonly containerName?: string;
  /** The image that the container was made from. */
  readonly imageId: string;
  /** The container's configuration, or the one of the request's body. */
  readonly config: ContainerConfig;
  readonly repository?: string;
  readonly tag?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Dockerfile instructions: `CMD ["x"]`, `ENV a=b`. */
  readonly changes: readonly string[];
  /** Absolute paths that the engine made in the writable layer and that are not the user's. */
  readonly exclude: readonly string[];
}

export interface Images {
  /** @throws NotFound `No such image: x:latest` */
  resolve(reference: string, platform?: string): ResolvedImage | Promise<ResolvedImage>;
  /** The image is in use by this container; idempotent, kept in memory only (told anew at each daemon start). */
  hold(containerId: string, imageId: string): void;
  release(containerId: string): void;
  commit(options: CommitOptions): Promise<{ id: string }>;
  /** Images made from this one. */
  descendants?(id: string): Iterable<string>;
}

/**
 * The writable layer of a container over its image's layers. `key` is the container's id, or that and a
 * suffix.
 */
export interface Snapshots {
  /** The snapshotter's name: `overlay2` */
  readonly driver: string;
  /** Makes the writable layer. Does nothing where it is there. */
  prepare(key: string, imageId: string): Promise<void>;
  /**
   * Mounts the root file system at `target`, an existing directory. `volatile`: nothing needs to survive a
   * power cut.
   */
  mount(key: string, target: string, options: { volatile: boolean }): Promise<void>;
  /** Forgets the layer; its files are deleted in the background. */
  remove(key: string): Promise<void>;
  usage(key: string): Promise<{ writableBytes: number; rootFsBytes: number }>;
  /**
   * What was changed, in the order of paths. `exclude`: paths that the engine made, left out while they are
   * empty.
   */
  changes(key: string, options: { exclude: readonly string[] }): Promise<FilesystemChange[]>;
  /** The root file system as it is now, read-only, mounted where nobody else sees it. Close it. */
  view(key: string): Promise<RootDir>;
  /** `GraphDriver.Data` of `inspect`. */
  data?(key: string): Record<string, string>;
}

export interface AttachRequest {
  readonly containerId: string;
  readonly name: string;
  readonly hostname: string;
  readonly domainname?: string;
  /**
   * `bridge`, `default`, `none`, `host` or a network's name or id; never `container:…`, which needs no
   * endpoint.
   */
  readonly networkMode: string;
  /** It was taken off the network of its mode: only those of `networking` count. */
  readonly withoutMode?: boolean;
  readonly networking: NetworkingConfig;
  /** Keys are `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly portBindings: PortMap;
  readonly publishAllPorts: boolean;
  readonly macAddress?: string;
  readonly links: readonly Link[];
  /** `--add-host`: `name:address` or `name:host-gateway`. */
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
}

/** `--link`: the running container that another one shall know by a name. */
export interface Link {
  /** As the user wrote it: `redis:db`. */
  readonly text: string;
  readonly target: {
    readonly id: string;
    readonly name: string;
    readonly hostname: string;
    readonly exposedPorts: readonly string[];
    readonly env: readonly string[];
  };
}

/** A namespace with its interfaces, addresses and published ports. */
export interface NetworkSandbox {
  /** Absent with `host`. Close it after the runtime has joined it. */
  readonly namespace?: NetworkNamespace;
  /** What `inspect` shows. */
  readonly settings: NetworkSettings;
  /** Contents of /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
  /** What links add to the environment. */
  readonly environment?: readonly string[];
}

export interface Endpoints {
  /** @throws NotFound `network x not found`; checked when the container is created. */
  validate(request: { networkMode: string; networking: NetworkingConfig; portBindings: PortMap }): void;
  attach(request: AttachRequest): Promise<NetworkSandbox>;
  /** Gives addresses and ports back. */
  release(containerId: string): Promise<void>;
  /** At the daemon's start: these live; endpoints of all others are gone. */
  restore(live: readonly LiveEndpoint[]): Promise<void>;
  /** What `inspect` shows; `undefined` where the container has no endpoint now. */
  settings(containerId: string): NetworkSettings | undefined;
  /** What links say to a further process of the container `owner`: where their targets are now. */
  linkEnvironment(owner: string, links: readonly Link[]): readonly string[];
  /** Who is meant by a name, an id or the beginning of one. @throws NotFound `network x not found` */
  network(nameOrId: string): NetworkFacts;
  /** @throws NotFound, InvalidParameter for what `join` or the next start would refuse for good */
  checkEndpoint(nameOrId: string, settings: EndpointSettings): void;
  /**
   * Joins a running container to one more network.
   * @throws Forbidden where it is there already, Conflict where it has ended
   */
  join(
    nameOrId: string,
    request: AttachRequest,
    settings: EndpointSettings,
    process: LiveProcess,
  ): Promise<EtcChange>;
  /** Takes a running container off a network. @throws System where it is not on it, Conflict where it has ended */
  leave(nameOrId: string, containerId: string, process: LiveProcess): Promise<EtcChange>;
  /** Forgets the endpoint of a container that is gone. @throws NotFound `endpoint x not found` */
  forget(nameOrId: string, containerName: string): Promise<void>;
  /** A running container is called otherwise from now on. */
  rename(containerId: string, name: string): void;
}

export interface NetworkFacts {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** `bridge`, `host`, `null`, … */
  readonly driver: string;
}

/** A process of a running container, and which one of that number it is. */
export interface LiveProcess {
  readonly pid: number;
  readonly startTime?: string;
}

export interface LiveEndpoint extends AttachRequest {
  readonly pid: number;
  /** As it was when the daemon saw it last. */
  readonly settings?: NetworkSettings;
  readonly endpoints?: Readonly<Record<string, EndpointSettings>>;
}

export interface AcquireVolume {
  /** None: an anonymous one is made. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly containerId: string;
  /** The container does not start yet: the data need not be accessible where that is told to a driver of others. */
  readonly early?: boolean;
}

export interface AcquiredVolume {
  readonly name: string;
  /** The data's directory on the host; with `early` it may be empty, or empty text where nobody knows it yet. */
  readonly path: string;
  readonly driver: string;
  /** It did not exist before. */
  readonly created: boolean;
}

export interface VolumeMounts {
  /** Finds or makes a volume and notes that the container uses it. Idempotent for a named one. */
  acquire(request: AcquireVolume): Promise<AcquiredVolume>;
  /** The container does not run, or not any more: what was mounted for its run is given back. */
  ended?(containerId: string): Promise<void>;
  /** The container uses none any more. */
  release(containerId: string): Promise<void>;
  /** Removes the anonymous ones among these that nobody uses. */
  removeAnonymous(containerId: string, names: readonly string[]): Promise<void>;
  /** Copies `path` of `from` into the volume, while it is empty; ownership and modes are kept. */
  populate(volumeName: string, from: RootDir, path: string): Promise<void>;
  /** A path within the volume, held so that nobody can make it mean another file. @throws InvalidParameter */
  openSubpath(volumeName: string, subpath: string): HeldPath;
  /** For the events `mount` and `unmount` of type volume. */
  mounted?(
    volumeName: string,
    use: { containerId: string; destination: string; readWrite: boolean; propagation: string },
  ): void;
  unmounted?(volumeName: string, containerId: string): void;
}

/** A file or directory that stays the same one until it is closed. */
export interface HeldPath extends Disposable {
  /** As the source of a bind mount in this process's mount namespace. */
  readonly path: string;
  readonly isDirectory: boolean;
}
