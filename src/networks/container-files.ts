import { readFileSync } from "node:fs";
import { extraHost, hostHosts, hosts } from "./files/hosts.ts";
import { type Link, type LinkTarget, linkEnvironment, linkHosts } from "./files/links.ts";
import {
  type DnsOverrides,
  type ExternalServers,
  externalServers,
  hostResolvConf,
  internalResolvConf,
  RESOLV_CONF,
  resolvConf,
  SYSTEMD_RESOLV_CONF,
  usesSystemdResolved,
} from "./files/resolv-conf.ts";

/** The part of a container that its network files are made of. */
export interface FilesRequest {
  readonly name: string;
  readonly hostname: string;
  readonly domainname?: string;
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
}

export interface ContainerFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface FilesContext {
  /** Addresses that `host-gateway` stands for. */
  readonly hostGateways: readonly string[];
  /** daemon.json's own servers, search domains and options, where the container has none. */
  readonly defaults: DnsOverrides;
}

/** Far more than a file of this kind has. */
const FILE_BYTES_MAX = 256 * 1024;

/**
 * Files of a container with a network namespace of its own; `addresses` are its own, none with `--network none`.
 * @param nameserver the engine's, where it is on a user-defined network
 */
export function ownFiles(
  request: FilesRequest,
  addresses: readonly string[],
  links: readonly { link: Link; target: LinkTarget }[],
  context: FilesContext,
  nameserver?: string,
): ContainerFiles {
  return {
    hosts: hosts({
      hostname: request.hostname,
      ...(request.domainname === undefined ? {} : { domainname: request.domainname }),
      addresses,
      extra: request.extraHosts.flatMap((text) => extraHost(text, context.hostGateways)),
      links: links.map(({ link, target }) => linkHosts(link, target)),
    }),
    resolvConf:
      nameserver === undefined
        ? resolvConf({
            ...hostResolver(),
            overrides: overridesOf(request, context.defaults),
            ipv6: addresses.some((address) => address.includes(":")),
          })
        : namesFile(request, context, nameserver),
  };
}

/** /etc/resolv.conf of a container whose name server is the engine. */
export function namesFile(request: FilesRequest, context: FilesContext, nameserver: string): string {
  const overrides = overridesOf(request, context.defaults);
  return internalResolvConf({ ...hostFile(), overrides }, nameserver);
}

/** Whom the engine asks for such a container. */
export function namesUpstream(request: FilesRequest, context: FilesContext): ExternalServers {
  return externalServers({ ...hostFile(), overrides: overridesOf(request, context.defaults) });
}

/** Files of a container that shares the host's network. */
export function sharedFiles(request: FilesRequest, context: FilesContext): ContainerFiles {
  const extra = request.extraHosts.flatMap((text) => extraHost(text, context.hostGateways));
  const hostText = readBounded(RESOLV_CONF);
  return {
    hosts: hostHosts(readBounded("/etc/hosts"), extra),
    resolvConf: hostResolvConf({
      hostPath: RESOLV_CONF,
      hostText,
      overrides: overridesOf(request, context.defaults),
      ipv6: true,
    }),
  };
}

/** The variables of all links; with `links` in the order in which the user gave them. */
export function linksEnvironment(
  links: readonly { link: Link; target: LinkTarget }[],
  owner: string,
): string[] {
  return links.flatMap(({ link, target }) => linkEnvironment(link, target, owner));
}

/** The host's own file: its loopback name servers are within the engine's reach. */
const hostFile = () => ({ hostPath: RESOLV_CONF, hostText: readBounded(RESOLV_CONF) });

/** The resolver configuration of the host that says where its name servers are. */
export function hostResolver(): { hostPath: string; hostText: string } {
  const text = readBounded(RESOLV_CONF);
  if (!usesSystemdResolved(text)) return { hostPath: RESOLV_CONF, hostText: text };
  return { hostPath: SYSTEMD_RESOLV_CONF, hostText: readBounded(SYSTEMD_RESOLV_CONF) };
}

/** What a container says wins over what the daemon's configuration says, list by list. */
function overridesOf(request: FilesRequest, defaults: DnsOverrides): DnsOverrides {
  const pick = (own: readonly string[], otherwise: readonly string[] | undefined) =>
    own.length > 0 ? own : (otherwise ?? []);
  return {
    nameservers: pick(request.dns, defaults.nameservers),
    search: pick(request.dnsSearch, defaults.search),
    options: pick(request.dnsOptions, defaults.options),
  };
}

/** A host without the file has nothing to say. */
function readBounded(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, FILE_BYTES_MAX);
  } catch {
    return "";
  }
}
