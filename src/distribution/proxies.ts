import { isIP } from "node:net";
import type { ProxySettings } from "./config.ts";
import { hostNameOf, isInCidr, isLoopback } from "./hosts.ts";

/**
 * The proxy through which an address is reached; undefined where directly. The rules are those of Go's `httpproxy`
 * package, which Docker follows: loopback never goes through a proxy; `no` lists domains (with their subdomains;
 * with a leading dot only these), addresses, CIDRs, each with a port if it is for that port only, or `*`.
 */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === "https:" ? settings.https : settings.http;
  if (proxy === undefined || proxy === "") return undefined;
  const name = hostNameOf(url.host);
  if (isLoopback(name)) return undefined;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const exceptions = (settings.no ?? "").split(",").map((text) => text.trim().toLowerCase());
  if (exceptions.some((exception) => matches(exception, name, port))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function matches(exception: string, name: string, port: string): boolean {
  if (exception === "") return false;
  if (exception === "*") return true;
  if (exception.includes("/")) return isInCidr(name, exception);
  const withPort = isIP(exception) === 6 ? null : /^(.*):(\d+)$/.exec(exception);
  if (withPort !== null && withPort[2] !== port) return false;
  const pattern = (withPort?.[1] ?? exception).replace(/^\*\./, ".").replace(/^\[(.*)\]$/, "$1");
  return pattern.startsWith(".") ? name.endsWith(pattern) : name === pattern || name.endsWith(`.${pattern}`);
}

/** What the environment says, as Docker reads it. */
export function proxiesOfEnvironment(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const of = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  return { http: of("HTTP_PROXY"), https: of("HTTPS_PROXY"), no: of("NO_PROXY") };
}
