import { invalidParameter } from "../../lib/index.ts";
import type { PortMap } from "../../wire/index.ts";
import { type IpAddress, isUnspecified, tryParseAddress } from "../cidr.ts";

export type Protocol = "tcp" | "udp" | "sctp";

/** `80/tcp` */
export interface ContainerPort {
  readonly port: number;
  readonly protocol: Protocol;
}

/** One publication that somebody asked for. */
export interface PortRequest {
  readonly container: ContainerPort;
  /** Absent: all of the host's addresses, IPv4 and IPv6. */
  readonly hostAddress?: IpAddress;
  /** Any one port of these; absent: any ephemeral one. */
  readonly hostPorts?: { readonly first: number; readonly last: number };
}

/** One published port as it stands. */
export interface PublishedPort {
  readonly container: ContainerPort;
  /** 0.0.0.0 or `::` for all of a family. */
  readonly hostAddress: IpAddress;
  readonly hostPort: number;
}

export interface PortWishes {
  /** `80/tcp`, also as ranges: `8000-8010/tcp` */
  readonly exposedPorts: readonly string[];
  readonly portBindings: PortMap;
  /** `-P` */
  readonly publishAllPorts: boolean;
  /** Where a binding without an address goes (daemon.json's `ip`); absent: everywhere. */
  readonly defaultHostAddress?: IpAddress;
}

const PORT_MAX = 65535;
/** More publications than a container can have ports are a mistake or an attack. */
const REQUESTS_MAX = 3 * (PORT_MAX + 1);

/**
 * What a container's configuration asks to be published.
 * @throws InvalidParameter in the words of Docker's `nat` package
 */
export function readPortRequests(wishes: PortWishes): PortRequest[] {
  const requests: PortRequest[] = [];
  for (const [key, bindings] of Object.entries(wishes.portBindings)) {
    const container = parseContainerPort(key);
    for (const binding of bindings ?? []) {
      const hostAddress = hostAddressOf(binding.HostIp ?? "") ?? wishes.defaultHostAddress;
      const hostPorts = hostPortsOf(binding.HostPort ?? "");
      requests.push({
        container,
        ...(hostAddress === undefined ? {} : { hostAddress }),
        ...(hostPorts === undefined ? {} : { hostPorts }),
      });
    }
    if (requests.length > REQUESTS_MAX) throw invalidParameter("too many port bindings");
  }
  if (wishes.publishAllPorts) addExposed(requests, wishes);
  return requests;
}

/** `-P`: every exposed port that has no binding of its own gets an ephemeral one. */
function addExposed(requests: PortRequest[], wishes: PortWishes): void {
  const bound = new Set(requests.map((request) => portKey(request.container)));
  const { defaultHostAddress: hostAddress } = wishes;
  for (const container of exposedPorts(wishes)) {
    if (bound.has(portKey(container))) continue;
    requests.push({ container, ...(hostAddress === undefined ? {} : { hostAddress }) });
  }
}

/** All that the configuration exposes, published or not, ranges taken apart. */
export function exposedPorts(wishes: Pick<PortWishes, "exposedPorts" | "portBindings">): ContainerPort[] {
  const ports = new Map<string, ContainerPort>();
  for (const text of [...wishes.exposedPorts, ...Object.keys(wishes.portBindings)]) {
    const { first, last, protocol } = parseContainerRange(text);
    for (let port = first; port <= last; port++) ports.set(`${port}/${protocol}`, { port, protocol });
  }
  return [...ports.values()];
}

export function portKey(port: ContainerPort): string {
  return `${port.port}/${port.protocol}`;
}

/** @throws InvalidParameter */
export function parseContainerPort(text: string): ContainerPort {
  const { first, last, protocol } = parseContainerRange(text);
  if (first !== last) throw invalidParameter(`invalid port specification: ${JSON.stringify(text)}`);
  return { port: first, protocol };
}

function parseContainerRange(text: string): { first: number; last: number; protocol: Protocol } {
  const [ports, protocol = "tcp", rest] = text.slice(0, 100).split("/", 3);
  const name = protocol.toLowerCase();
  if (rest !== undefined || (name !== "tcp" && name !== "udp" && name !== "sctp")) {
    throw invalidParameter(`invalid proto: ${protocol}`);
  }
  const range = parseRange(ports!);
  if (range === undefined || range.first === 0) {
    throw invalidParameter(`invalid port specification: ${JSON.stringify(text.slice(0, 100))}`);
  }
  return { ...range, protocol: name };
}

function parseRange(text: string): { first: number; last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return last > PORT_MAX || last < first ? undefined : { first, last };
}

function hostAddressOf(text: string): IpAddress | undefined {
  if (text === "") return undefined;
  const address = tryParseAddress(text.replace(/^\[(.*)\]$/, "$1"));
  if (address === undefined) throw invalidParameter(`invalid host IP address: ${text.slice(0, 100)}`);
  return address;
}

/** Port 0 and no port at all both mean: any ephemeral one. */
function hostPortsOf(text: string): { first: number; last: number } | undefined {
  if (text === "" || text === "0") return undefined;
  const range = parseRange(text);
  if (range === undefined) throw invalidParameter(`invalid hostPort: ${text.slice(0, 100)}`);
  return range;
}

/** Whether two host addresses cannot both have the same port. */
export function collide(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && (a.value === b.value || isUnspecified(a) || isUnspecified(b));
}
