import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../constants.ts";
import { closeDescriptor, OwnedDescriptor } from "../files/descriptors.ts";
import { check, libc } from "../libc.ts";
import { RouteSocket } from "../netlink/route-socket.ts";
import { cString } from "../paths.ts";
import { inNewNetworkNamespace } from "./enter.ts";

/** A network namespace held by a descriptor: it lives as long as a descriptor, a process, or a socket is left in it. */
export class NetworkNamespace extends OwnedDescriptor {
  #routes: RouteSocket | undefined;

  /** Takes over a descriptor, and the route socket where one is open already. */
  constructor(fd: number, routes?: RouteSocket) {
    super(fd);
    this.#routes = routes;
  }

  /** A path by which other processes of this host reach the namespace as long as it is held here. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /** The namespace's own rtnetlink socket, opened at first use and kept until `close`. */
  get routes(): RouteSocket {
    this.#routes ??= RouteSocket.open(this);
    return this.#routes;
  }

  /** Lets go of the namespace; the kernel takes it and its links away with its last holder. Idempotent. */
  override close(): void {
    this.#routes?.close();
    this.#routes = undefined;
    super.close();
  }
}

/** A new network namespace with nothing in it but `lo`, which is up. */
export function createNetworkNamespace(): NetworkNamespace {
  const namespace = inNewNetworkNamespace((fd) => {
    try {
      return new NetworkNamespace(fd, RouteSocket.open());
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  });
  try {
    namespace.routes.setUp("lo");
    return namespace;
  } catch (error) {
    namespace.close();
    throw error;
  }
}

/** Holds an existing namespace: `/proc/<pid>/ns/net`, `/run/netns/<name>`. @throws LinuxError ENOENT. */
export function openNetworkNamespace(path: string): NetworkNamespace {
  const flags = O_RDONLY | O_CLOEXEC;
  return new NetworkNamespace(check("open", libc.openat(AT_FDCWD, cString(path), flags, 0), path));
}
