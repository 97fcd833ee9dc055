import { isIP } from "node:net";

/** Docker Hub has another address than its name. */
export const DOCKER_HUB = "docker.io";
const DOCKER_HUB_HOST = "registry-1.docker.io";
/** Names under which clients know Docker Hub. */
const DOCKER_HUB_ALIASES: ReadonlySet<string> = new Set([
  DOCKER_HUB,
  "index.docker.io",
  "registry-1.docker.io",
]);

/** The host that serves a domain of image names. */
export function hostOfDomain(domain: string): string {
  return domain === DOCKER_HUB ? DOCKER_HUB_HOST : domain;
}

/**
 * The domain that a client means by a server's address: `https://index.docker.io/v1/`, `registry.example:5000`. No
 * address at all means Docker Hub.
 */
export function domainOfServer(address: string): string {
  const host = address
    .replace(/^https?:\/\//i, "")
    .replace(/\/.*$/, "")
    .toLowerCase();
  return host === "" || DOCKER_HUB_ALIASES.has(host) ? DOCKER_HUB : host;
}

/** `registry.example:5000` → `registry.example`; `[::1]:5000` → `::1`. */
export function hostNameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d*$/, "")).toLowerCase();
}

export function isLoopback(name: string): boolean {
  if (name === "localhost" || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

/** Whether an IP address is in a CIDR; false for what is neither. */
export function isInCidr(address: string, cidr: string): boolean {
  const [network = "", length = ""] = cidr.split("/");
  const [a, b] = [bitsOf(address), bitsOf(network)];
  const bits = Number(length);
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return /^\d{1,3}$/.test(length) && bits <= a.length && a.slice(0, bits) === b.slice(0, bits);
}

export function isCidr(text: string): boolean {
  const [network = "", length = "", more] = text.split("/");
  const bits = bitsOf(network);
  return (
    more === undefined && bits !== undefined && /^\d{1,3}$/.test(length) && Number(length) <= bits.length
  );
}

/** An address as a string of zeros and ones: short enough, and comparing prefixes is all that is done with it. */
function bitsOf(address: string): string | undefined {
  const family = isIP(address);
  if (family === 4)
    return address
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
  if (family !== 6) return undefined;
  // The URL parser writes an address in its one canonical form.
  const canonical = new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail ?? "")];
  return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0")).join("");
}
