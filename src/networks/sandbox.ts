import type { NetworkNamespace } from "../linux/index.ts";
import type { NetworkingConfig, NetworkSettings, PortMap } from "../wire/index.ts";
import { type EndpointOwner, inOrder } from "./endpoints.ts";
import type { LinkTarget } from "./files/links.ts";
import type { LiveNetwork } from "./network.ts";
import { exposedPorts, portKey } from "./ports/requests.ts";
import type { EndpointRecord } from "./records.ts";

/** What a container asks of its network. */
export interface AttachRequest extends EndpointOwner {
  readonly domainname?: string;
  /** `bridge`, `default`, `none`, `host`, or a network's name or id. */
  readonly networkMode: string;
  /** It was taken off the network of its mode: only those of `networking` count. */
  readonly withoutMode?: boolean;
  readonly networking: NetworkingConfig;
  /** Keys are `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly portBindings: PortMap;
  readonly publishAllPorts: boolean;
  readonly macAddress?: string;
  readonly links: readonly LinkRequest[];
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** No container but a step of a build: no event tells of it. */
  readonly quiet?: boolean;
}

/** `--link`: a running container, and how this one calls it. */
export interface LinkRequest {
  /** As the user wrote it: `redis:db`. */
  readonly text: string;
  readonly target: Omit<LinkTarget, "address">;
}

/** A namespace with its interfaces, addresses and published ports. */
export interface NetworkSandbox {
  /** Absent with `host`. Close it after the runtime has joined it. */
  readonly namespace?: NetworkNamespace;
  readonly settings: NetworkSettings;
  readonly hosts: string;
  readonly resolvConf: string;
  readonly environment?: readonly string[];
}

/** A container's place on a network. */
export interface Place {
  readonly network: LiveNetwork;
  /** Replaced where something of it changes. */
  endpoint: EndpointRecord;
}

/** What is known of a container's network while it runs. */
export interface Sandbox {
  readonly id: string;
  readonly exposedPorts: readonly string[];
  request: AttachRequest;
  /** Those that lead outside first. */
  places: readonly Place[];
  /** Answers its questions, while it is on a user-defined network. */
  names?: Disposable;
}

/** A container that runs when the daemon starts. */
export interface LiveRequest extends AttachRequest {
  /** A process in its namespace. */
  readonly pid?: number;
}

/** A process of a running container, and which one of that number it is. */
export interface LiveProcess {
  readonly pid: number;
  readonly startTime?: string;
}

/** What connecting a running container, or disconnecting it, changes for its files. */
export interface Joined {
  /** Lines to add to /etc/hosts, or to take out of it. */
  readonly hosts: string;
  /** The new /etc/resolv.conf, where names are answered by the engine from now on. */
  readonly resolvConf?: string;
}

/** On `host` and `none` nothing is exposed to anybody. */
export function newSandbox(request: AttachRequest, id: string, passive: boolean): Sandbox {
  return { id, request, exposedPorts: passive ? [] : exposedPorts(request).map(portKey), places: [] };
}

/** With one more place, or others, in the order that decides about the way out. */
export function ordered(places: readonly Place[]): Place[] {
  return inOrder(places, ({ endpoint }) => endpoint.asked);
}

/** On the default bridge containers know one another by links only, as in Docker. */
export function needsNames(places: readonly Place[]): boolean {
  return places.some(({ network }) => network.record.predefined !== true);
}

/** Addresses without prefix lengths. */
export function addressesOf(endpoint: EndpointRecord): string[] {
  return [endpoint.ipv4, endpoint.ipv6]
    .filter((cidr) => cidr !== undefined)
    .map((cidr) => cidr.slice(0, cidr.indexOf("/")));
}
