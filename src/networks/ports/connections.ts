import { log, messageOf } from "../../lib/index.ts";
import { ConnectionTracking } from "../../linux/index.ts";
import type { NamespaceHandle } from "../host.ts";
import type { PublishedPort } from "./requests.ts";

/**
 * Clients of UDP ports of the host whose containers come and go. To the kernel all that a client sends from one port
 * is one connection, which goes where it went first: to a container that has ended, or to the host itself.
 */
export class UdpConnections implements Disposable {
  readonly #namespace: NamespaceHandle | undefined;
  #tracking: ConnectionTracking | undefined;
  #impossible = false;

  /** @param namespace the host's, in tests */
  constructor(namespace?: NamespaceHandle) {
    this.#namespace = namespace;
  }

  /** These ports lead elsewhere now, or nowhere: clients find out with their next packet. Never throws. */
  forget(ports: readonly PublishedPort[]): void {
    const numbers = ports
      .filter(({ container, hostPort }) => container.protocol === "udp" && hostPort > 0)
      .map(({ hostPort }) => hostPort);
    if (numbers.length === 0 || this.#impossible) return;
    try {
      this.#tracking ??= new ConnectionTracking(this.#namespace);
      this.#tracking.forgetUdp(new Set(numbers));
    } catch (error) {
      // A kernel without the module; clients have to wait until it forgets by itself, some two minutes at most.
      this.#impossible = true;
      log.warn("cannot make the kernel forget UDP connections", { reason: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    this.#tracking?.[Symbol.dispose]();
  }
}
