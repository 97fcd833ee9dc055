import { readFileSync, writeFileSync } from "node:fs";
import { inNetworkNamespace, RouteSocket } from "../linux/index.ts";

/** Anything that holds a network namespace open. */
export interface NamespaceHandle {
  readonly fd: number;
}

/**
 * The network that containers are let into the world through: this machine's, or, in tests, a namespace that plays
 * its part. Everything in this room that touches the host goes through here.
 */
export class NetworkHost implements Disposable {
  readonly routes: RouteSocket;
  readonly #namespace: NamespaceHandle | undefined;

  constructor(namespace?: NamespaceHandle) {
    this.#namespace = namespace;
    this.routes = RouteSocket.open(namespace);
  }

  /** Runs work, which must not wait, where sockets and /proc/sys/net are the host's. */
  run<T>(work: () => T): T {
    return this.#namespace === undefined ? work() : inNetworkNamespace(this.#namespace, work);
  }

  /** Starts something that goes on by itself, like a socket that is being opened. */
  start<T>(begin: () => Promise<T>): Promise<T> {
    return this.#namespace === undefined ? begin() : startIn(this.#namespace, begin);
  }

  /** A setting below /proc/sys/net; undefined where the kernel does not have it. */
  sysctl(name: string): string | undefined {
    return this.run(() => readSysctl(name));
  }

  /** Whether the kernel took it. */
  setSysctl(name: string, value: string): boolean {
    return this.run(() => writeSysctl(name, value));
  }

  close(): void {
    this.routes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Begins something in a namespace that goes on by itself. Nobody waits in there: the promise is only made there. */
export function startIn<T>(namespace: NamespaceHandle, begin: () => Promise<T>): Promise<T> {
  const begun: Promise<T>[] = [];
  inNetworkNamespace(namespace, () => {
    begun.push(begin());
  });
  return begun[0]!;
}

/** `ipv4/ip_forward` of the namespace that this thread is in. */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/${name}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

export function writeSysctl(name: string, value: string): boolean {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value);
    return true;
  } catch {
    return false;
  }
}
