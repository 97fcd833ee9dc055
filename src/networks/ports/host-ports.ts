import { readFileSync } from "node:fs";
import { EngineError, messageOf, systemError } from "../../lib/index.ts";
import { type Family, formatAddress, type IpAddress, parseAddress } from "../cidr.ts";
import type { HolderOf } from "../filter/elsewhere.ts";
import { holderOf } from "./holder.ts";
import { collide, type PortRequest, type Protocol, type PublishedPort } from "./requests.ts";
import { canForward, type ForwardTarget, type HeldPort, holdPort, type SocketHost } from "./sockets.ts";

/** Whose ports are reserved, and where they lead. */
export interface PortOwner {
  readonly containerId: string;
  readonly name: string;
  /** The container's own address, by family; a family that it lacks is served by forwarding, where that works. */
  readonly ipv4?: IpAddress;
  readonly ipv6?: IpAddress;
}

interface Reservation {
  readonly port: PublishedPort;
  owner: PortOwner;
  readonly held: HeldPort | undefined;
}

/** A request, and the host's addresses that it comes to. */
type Wanted = PortRequest & { readonly addresses: readonly IpAddress[] };

const ANY_4 = parseAddress("0.0.0.0");
const ANY_6 = parseAddress("::");

/**
 * The ports of the host that containers have. A port is truly taken: a socket of ours is bound to it, so that
 * neither another daemon nor any other program can have it too, and a port that another program has is refused.
 */
export class HostPorts {
  readonly #host: SocketHost;
  readonly #hasIpv6: boolean;
  readonly #forwards: boolean;
  readonly #elsewhere: () => HolderOf;
  /** By protocol and number; several where they are on different addresses. */
  readonly #taken = new Map<string, Reservation[]>();
  /**
   * The ephemeral port that was given last, so that one which was given back rests. The first is drawn by lot: what a
   * daemon that has died published is nobody's to take, and one beside it that began to count at the same number would
   * try all of it in vain.
   */
  readonly #lastEphemeral = new Map<Protocol, number>();

  /**
   * @param options.forwards what the packet filter does not lead to a container is forwarded, not only kept from others
   * @param options.elsewhere tells who else has a port without holding it
   */
  constructor(options: {
    host: SocketHost;
    hasIpv6: boolean;
    forwards?: boolean;
    elsewhere?: () => HolderOf;
  }) {
    this.#host = options.host;
    this.#hasIpv6 = options.hasIpv6;
    this.#forwards = options.forwards ?? true;
    this.#elsewhere = options.elsewhere ?? (() => () => undefined);
  }

  /**
   * Reserves all or nothing. Requests for other families are passed over.
   * @throws System with Docker's text (`Bind for 0.0.0.0:80 failed: port is already allocated`) and who has it
   */
  async reserve(
    requests: readonly PortRequest[],
    owner: PortOwner,
    families: readonly Family[] = [4, 6],
  ): Promise<PublishedPort[]> {
    const reserved: PublishedPort[] = [];
    const elsewhere = requests.length === 0 ? () => undefined : this.#elsewhere();
    try {
      for (const request of requests) {
        const addresses = this.#addressesFor(request, owner).filter(({ family }) =>
          families.includes(family),
        );
        const wanted = { ...request, addresses };
        if (addresses.length > 0) reserved.push(...(await this.#reserveOne(wanted, owner, elsewhere)));
      }
      return reserved;
    } catch (error) {
      this.release(reserved);
      throw error;
    }
  }

  /**
   * Takes the ports of a running container again, after a restart of the daemon. One that somebody else has by
   * now is ours all the same (the packet filter comes first), it is only not held; those are returned.
   */
  async restore(ports: readonly PublishedPort[], owner: PortOwner): Promise<PublishedPort[]> {
    const lost: PublishedPort[] = [];
    for (const port of ports) {
      if (port.hostPort === 0) continue;
      const held = await this.#hold(port, owner).catch(() => {
        lost.push(port);
        return undefined;
      });
      this.#add({ port, owner, held });
    }
    return lost;
  }

  /** The same ports lead to another address, or belong to a container of another name, from now on. */
  retarget(ports: readonly PublishedPort[], owner: PortOwner): void {
    for (const port of ports) {
      const here = this.#taken.get(keyOf(port.container.protocol, port.hostPort)) ?? [];
      const mine = here.find((reservation) => same(reservation.port, port));
      if (mine === undefined) continue;
      mine.owner = owner;
      const target = targetOf(port, owner);
      if (target !== undefined && this.#forwards) mine.held?.retarget(target);
    }
  }

  release(ports: readonly PublishedPort[]): void {
    for (const port of ports) {
      const key = keyOf(port.container.protocol, port.hostPort);
      const here = this.#taken.get(key) ?? [];
      const mine = here.find((reservation) => reservation.port === port || same(reservation.port, port));
      if (mine === undefined) continue;
      mine.held?.close();
      const rest = here.filter((reservation) => reservation !== mine);
      if (rest.length === 0) this.#taken.delete(key);
      else this.#taken.set(key, rest);
    }
  }

  /** Closes all sockets; what the packet filter does goes on. */
  close(): void {
    for (const reservations of this.#taken.values()) for (const { held } of reservations) held?.close();
    this.#taken.clear();
  }

  async #reserveOne(request: Wanted, owner: PortOwner, elsewhere: HolderOf): Promise<PublishedPort[]> {
    const { addresses, hostPorts: wanted } = request;
    if (wanted !== undefined && wanted.first === wanted.last) {
      return await this.#reserveAt(request, wanted.first, owner, elsewhere).catch(nameHolder);
    }
    for (const port of this.#candidates(request)) {
      try {
        return await this.#reserveAt(request, port, owner, elsewhere);
      } catch (error) {
        // Somebody has this one; nothing but that is cured by the next.
        if (!(error instanceof PortTaken)) throw error;
      }
    }
    throw systemError(
      wanted === undefined
        ? "all ports are allocated"
        : `Bind for ${formatHost(addresses[0]!, `${wanted.first}-${wanted.last}`)} failed: port is already allocated`,
    );
  }

  /** Where a request without an address goes: everywhere that connections can be led from. */
  #addressesFor(request: PortRequest, owner: PortOwner): IpAddress[] {
    if (request.hostAddress !== undefined) return [request.hostAddress];
    const protocol = request.container.protocol;
    const by6 = this.#hasIpv6 && (owner.ipv6 !== undefined || (this.#forwards && canForward(protocol)));
    const by4 = owner.ipv4 !== undefined || canForward(protocol);
    return [...(by4 ? [ANY_4] : []), ...(by6 ? [ANY_6] : [])];
  }

  *#candidates(request: PortRequest): Generator<number> {
    const wanted = request.hostPorts;
    if (wanted !== undefined) {
      for (let port = wanted.first; port <= wanted.last; port++) yield port;
      return;
    }
    const protocol = request.container.protocol;
    const { first, last } = ephemeralRange();
    const size = last - first + 1;
    const start = (this.#lastEphemeral.get(protocol) ?? randomBetween(first, last)) + 1 - first;
    for (let step = 0; step < size; step++) {
      const port = first + ((((start + step) % size) + size) % size);
      this.#lastEphemeral.set(protocol, port);
      yield port;
    }
  }

  async #reserveAt(
    request: Wanted,
    hostPort: number,
    owner: PortOwner,
    elsewhere: HolderOf,
  ): Promise<PublishedPort[]> {
    const done: PublishedPort[] = [];
    try {
      for (const hostAddress of request.addresses) {
        const port: PublishedPort = { container: request.container, hostAddress, hostPort };
        this.#refuseOurs(port);
        // Noted before the wait, so that nobody else is given it meanwhile.
        const note: Reservation = { port, owner, held: undefined };
        this.#add(note);
        done.push(port);
        const held = await this.#hold(port, owner).catch((error: unknown) => this.#refuse(port, error));
        this.#replace(note, { port, owner, held });
        // Asked last: a program that lives can be named better.
        const other = elsewhere(port);
        if (other !== undefined) throw new PortTaken(port, other);
      }
      return done;
    } catch (error) {
      this.release(done);
      throw error;
    }
  }

  #refuseOurs(port: PublishedPort): void {
    const here = this.#taken.get(keyOf(port.container.protocol, port.hostPort)) ?? [];
    const other = here.find((reservation) => collide(reservation.port.hostAddress, port.hostAddress));
    if (other === undefined) return;
    throw new PortTaken(port, `container ${other.owner.name}`);
  }

  #refuse(port: PublishedPort, error: unknown): never {
    const code = (error as { code?: unknown }).code;
    if (code === "EADDRINUSE") throw new PortTaken(port);
    const where = formatHost(port.hostAddress, port.hostPort);
    const reasons: Record<string, string> = {
      EADDRNOTAVAIL: "cannot assign requested address",
      EACCES: "permission denied",
    };
    const reason = reasons[String(code)] ?? messageOf(error);
    throw systemError(`failed to bind host port ${where}/${port.container.protocol}: ${reason}`, error);
  }

  #hold(port: PublishedPort, owner: PortOwner): Promise<HeldPort | undefined> {
    const target = targetOf(port, owner);
    if (target === undefined) return Promise.resolve(undefined);
    const { container, hostAddress: address, hostPort } = port;
    return holdPort(
      { protocol: container.protocol, address, port: hostPort, ...(this.#forwards ? { target } : {}) },
      this.#host,
    );
  }

  #add(reservation: Reservation): void {
    const key = keyOf(reservation.port.container.protocol, reservation.port.hostPort);
    const here = this.#taken.get(key);
    if (here === undefined) this.#taken.set(key, [reservation]);
    else here.push(reservation);
  }

  #replace(old: Reservation, next: Reservation): void {
    const here = this.#taken.get(keyOf(old.port.container.protocol, old.port.hostPort)) ?? [];
    const at = here.indexOf(old);
    // Released while we waited for the socket.
    if (at < 0) next.held?.close();
    else here[at] = next;
  }
}

/** Somebody has this port; another one may be free. */
class PortTaken extends EngineError {
  constructor(
    readonly port: PublishedPort,
    readonly holder?: string,
  ) {
    const where = formatHost(port.hostAddress, port.hostPort);
    super(
      "System",
      `Bind for ${where} failed: port is already allocated${holder === undefined ? "" : ` by ${holder}`}`,
    );
  }
}

/** Finds out which program it is, which is only worth its while where the user asked for this very port. */
async function nameHolder(error: unknown): Promise<never> {
  if (!(error instanceof PortTaken) || error.holder !== undefined) throw error;
  throw new PortTaken(
    error.port,
    await holderOf(error.port.container.protocol, error.port.hostPort).catch(() => undefined),
  );
}

/** Where a connection that arrives at the daemon's own socket goes: of the same family, if the container has it. */
function targetOf(port: PublishedPort, owner: PortOwner): ForwardTarget | undefined {
  const own = port.hostAddress.family === 6 ? (owner.ipv6 ?? owner.ipv4) : (owner.ipv4 ?? owner.ipv6);
  return own === undefined ? undefined : { address: own, port: port.container.port };
}

const keyOf = (protocol: Protocol, port: number) => `${protocol}/${port}`;

const same = (a: PublishedPort, b: PublishedPort) =>
  a.hostPort === b.hostPort &&
  a.hostAddress.family === b.hostAddress.family &&
  a.hostAddress.value === b.hostAddress.value;

function formatHost(address: IpAddress, port: number | string): string {
  const text = formatAddress(address);
  return address.family === 6 ? `[${text}]:${port}` : `${text}:${port}`;
}

const randomBetween = (first: number, last: number) => first + Math.floor(Math.random() * (last - first + 1));

/** The kernel's range for local ports, which is also Docker's; 49153 to 65535 where it cannot be read. */
function ephemeralRange(): { first: number; last: number } {
  try {
    const [first, last] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/);
    if (Number(first) > 0 && Number(last) >= Number(first))
      return { first: Number(first), last: Number(last) };
  } catch {
    // No /proc/sys: the old default.
  }
  return { first: 49153, last: 65535 };
}
