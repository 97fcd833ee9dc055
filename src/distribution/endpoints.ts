import { lookup } from "node:dns/promises";
import { forbidden, invalidParameter } from "../lib/index.ts";
import type { RegistriesConfig, RegistryRule } from "./config.ts";
import { DOCKER_HUB, hostNameOf, hostOfDomain, isCidr, isInCidr, isLoopback } from "./hosts.ts";

/** A repository by its full name: `docker.io` and `library/debian`. */
export interface RepositoryName {
  readonly domain: string;
  readonly path: string;
}

/** A place from which a repository can be had. */
export interface Endpoint {
  /** Host, with its port if it has one. */
  readonly host: string;
  /** To be tried in this order: `https:`, and `http:` where the host is insecure. */
  readonly protocols: readonly ("https:" | "http:")[];
  readonly insecure: boolean;
  /** What stands before `/v2/`: empty, or `/some/path`. */
  readonly prefix: string;
  readonly isMirror: boolean;
  /** The domain that a mirror of many is asked for (containerd's `ns`). */
  readonly namespace?: string | undefined;
}

/**
 * Where a repository is pulled from: its mirrors in their order, and at last the registry itself.
 * @throws Forbidden where the configuration blocks it
 */
export async function endpointsToPull(
  config: RegistriesConfig,
  repository: RepositoryName,
): Promise<Endpoint[]> {
  const rule = ruleFor(config, repository);
  refuseBlocked(rule, repository);
  const addresses = [...(rule?.mirrors ?? []), ...(repository.domain === DOCKER_HUB ? config.mirrors : [])];
  const namespace = rule?.default === true ? repository.domain : undefined;
  const mirrors = addresses.map((address) => mirrorAt(config, address, namespace));
  return [...(await Promise.all(mirrors)), await ownEndpoint(config, repository.domain, rule)];
}

/** Where a repository is pushed to: mirrors only follow. @throws Forbidden where the configuration blocks it */
export async function endpointToPush(
  config: RegistriesConfig,
  repository: RepositoryName,
): Promise<Endpoint> {
  const rule = ruleFor(config, repository);
  refuseBlocked(rule, repository);
  return await ownEndpoint(config, repository.domain, rule);
}

function refuseBlocked(rule: RegistryRule | undefined, { domain, path }: RepositoryName): void {
  if (rule?.blocked !== true) return;
  throw forbidden(`registry ${domain} is blocked by the daemon's configuration (${domain}/${path})`);
}

/** The rule with the longest prefix that fits; else the default one. */
export function ruleFor(config: RegistriesConfig, name: RepositoryName): RegistryRule | undefined {
  const fitting = config.rules.filter(({ prefix }) => prefix !== undefined && fits(prefix, name));
  fitting.sort((a, b) => b.prefix!.length - a.prefix!.length);
  return fitting[0] ?? config.rules.find((rule) => rule.default);
}

function fits(prefix: string, { domain, path }: RepositoryName): boolean {
  if (prefix.startsWith("*.")) return hostNameOf(domain).endsWith(prefix.slice(1).toLowerCase());
  const whole = `${domain}/${path}/`;
  return whole.startsWith(`${prefix.replace(/\/+$/, "")}/`);
}

async function ownEndpoint(
  config: RegistriesConfig,
  domain: string,
  rule: RegistryRule | undefined,
): Promise<Endpoint> {
  const host = hostOfDomain(domain);
  // A rule for all registries can't make all of them insecure.
  const byRule = rule?.insecure === true && rule.default !== true;
  const insecure = byRule || (await isInsecure(config, host));
  return {
    host,
    protocols: insecure ? ["https:", "http:"] : ["https:"],
    insecure,
    prefix: "",
    isMirror: false,
  };
}

async function mirrorAt(
  config: RegistriesConfig,
  address: string,
  namespace: string | undefined,
): Promise<Endpoint> {
  const url = parseMirror(address);
  const listed = await isInsecure(config, url.host);
  // Who writes http into the configuration means it.
  const insecure = listed || url.protocol === "http:";
  return {
    host: url.host,
    protocols: [url.protocol as "https:" | "http:"],
    insecure,
    prefix: url.pathname.replace(/\/+$/, ""),
    isMirror: true,
    namespace,
  };
}

/** @throws InvalidParameter in dockerd's words */
export function parseMirror(address: string): URL {
  const text = address.includes("://") ? address : `https://${address}`;
  const wrong = (reason: string) => invalidParameter(`invalid mirror: ${reason}`);
  if (!URL.canParse(text)) throw wrong(`${JSON.stringify(address)} is not a valid URI`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw wrong(
      `unsupported scheme ${JSON.stringify(url.protocol.slice(0, -1))} in ${JSON.stringify(address)}`,
    );
  if (url.search !== "" || url.hash !== "")
    throw wrong(`query or fragment at end of the URI ${JSON.stringify(address)}`);
  if (url.username !== "" || url.password !== "") throw wrong("username/password not allowed in URI");
  return url;
}

/** @throws InvalidParameter for what is neither a host nor a CIDR */
export function checkInsecure(entry: string): void {
  if (isCidr(entry)) return;
  const host = entry.toLowerCase();
  if (/^https?:\/\//.test(host))
    throw invalidParameter(`insecure registry ${entry} should not contain '://'`);
  const port = /:(\d+)$/.exec(host)?.[1];
  const isHost = /^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::\d+)?$/.test(host);
  if (!isHost || (port !== undefined && Number(port) > 65_535))
    throw invalidParameter(`insecure registry ${entry} is not valid: invalid host ${JSON.stringify(entry)}`);
}

/**
 * Loopback, and what the configuration lists. Names are only resolved for CIDRs that somebody has listed: for all others
 * a forged answer of a name server would turn TLS off.
 */
export async function isInsecure(config: RegistriesConfig, host: string): Promise<boolean> {
  const name = hostNameOf(host);
  if (isLoopback(name)) return true;
  const listed = config.insecure.map((entry) => entry.toLowerCase());
  if (listed.includes(host.toLowerCase())) return true;
  const cidrs = listed.filter(isCidr);
  if (cidrs.length === 0) return false;
  const addresses = await lookup(name, { all: true }).catch(() => []);
  return addresses.some(({ address }) => cidrs.some((cidr) => isInCidr(address, cidr)));
}
