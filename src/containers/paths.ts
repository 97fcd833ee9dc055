import { join } from "node:path";

/** Where this room keeps things; see the layout of state in the documentation. */
export class Paths {
  readonly dataRoot: string;
  readonly execRoot: string;

  constructor(dataRoot: string, execRoot: string) {
    this.dataRoot = dataRoot;
    this.execRoot = execRoot;
  }

  get containers(): string {
    return join(this.dataRoot, "containers");
  }

  /** Log, hosts, hostname, resolv.conf: from create to remove. */
  container(id: string): string {
    return join(this.dataRoot, "containers", id);
  }

  get bundles(): string {
    return join(this.execRoot, "containers");
  }

  /**
   * OCI bundle and the monitor's sockets: from start to exit. Its existence says that there is something to
   * clean up.
   */
  bundle(id: string): string {
    return join(this.execRoot, "containers", id);
  }

  /** Mount point of the root file system while the runtime takes it over. */
  rootfs(id: string): string {
    return join(this.execRoot, "containers", id, "rootfs");
  }

  /** The /dev/shm of a container that shares it (`--ipc shareable`): the one mount that stays while it runs. */
  shm(id: string): string {
    return join(this.execRoot, "containers", id, "shm");
  }

  /** Mounts for `cp`, `export` and the like of a container that does not run. */
  get temporaryMounts(): string {
    return join(this.execRoot, "mounts");
  }

  /** The monitors' words on how containers ended. */
  get exits(): string {
    return join(this.execRoot, "exits");
  }

  /** Kept beside the log and mounted into the container. */
  file(id: string, name: "hostname" | "hosts" | "resolv.conf"): string {
    return join(this.dataRoot, "containers", id, name);
  }
}
