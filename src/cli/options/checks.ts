import { cut } from "../flags.ts";
import { isAddress } from "../text/ip.ts";
import { quote } from "../text/numbers.ts";

/** Checks of single texts; each gives the text to keep, or throws with Docker's words. */

export function checkAddress(text: string): string {
  const address = text.trim();
  if (!isAddress(address)) throw new Error(`IP address is not correctly formatted: ${text}`);
  return address;
}

/** `host:address`, `host=address`; IPv6 addresses may have brackets; `host-gateway` is the engine's own. */
export function checkExtraHost(text: string): string {
  const separator = text.includes("=") ? "=" : ":";
  const [name, value] = cut(text, separator);
  if (value === undefined || name === "" || name.includes(":"))
    throw new Error(`bad format for add-host: ${quote(text)}`);
  if (value === "host-gateway") return `${name}:${value}`;
  const address = /^\[(.+)\]$/.exec(value)?.[1] ?? value;
  if (!isAddress(address.trim())) throw new Error(`invalid IP address in add-host: ${quote(address)}`);
  return `${name}:${address}`;
}

const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";

/** A dot means: no search domain. */
export function checkSearchDomain(text: string): string {
  const domain = text.replace(/^ +| +$/g, "");
  if (domain === ".") return domain;
  const match = new RegExp(`^(${LABEL}(?:\\.${LABEL})*)\\.?\\s*$`).exec(domain);
  if (match === null || match[1]!.length >= 255 || !/[a-zA-Z]/.test(domain)) {
    throw new Error(`${domain} is not a valid domain`);
  }
  return match[1]!;
}

export function checkLabel(text: string): string {
  const name = cut(text, "=")[0].replace(/^[ \t]+/, "");
  if (name === "") throw new Error(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(name)) throw new Error(`label '${name}' contains whitespaces`);
  return text;
}

/** `name[:alias]` */
export function checkLink(text: string): string {
  if (text === "") throw new Error("empty string specified for links");
  if (text.split(":").length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

export function checkAttach(text: string): string {
  const stream = text.toLowerCase();
  if (!["stdin", "stdout", "stderr"].includes(stream))
    throw new Error("valid streams are STDIN, STDOUT and STDERR");
  return stream;
}

const SYSCTLS = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map(
    (name) => `kernel.${name}`,
  ),
);

/** Only what a namespace has of its own. */
export function checkSysctl(text: string): string {
  const [name, value] = cut(text, "=");
  const isKnown = SYSCTLS.has(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
  if (value === undefined || !isKnown) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

/** Capabilities in the kernel's spelling, each once and sorted, as Docker's client sends them. */
export function normalCapabilities(names: readonly string[]): string[] {
  const normal = names.map((name) => name.trim().toUpperCase());
  const prefixed = normal.map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));
  return [...new Set(prefixed)].sort();
}
