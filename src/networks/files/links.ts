import { invalidParameter } from "../../lib/index.ts";
import type { HostsRecord } from "./hosts.ts";

/** A `--link name:alias`; without an alias the name is one. Docker stores them as `/name:/owner/alias`. */
export interface Link {
  readonly name: string;
  readonly alias: string;
}

/** What a link needs to know of the container that it points to. */
export interface LinkTarget {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly address: string;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  readonly env: readonly string[];
}

/** @throws InvalidParameter `bad format for links: x` */
export function parseLink(text: string): Link {
  const parts = text.split(":", 3);
  const [name, alias] = parts;
  if (name === undefined || name === "" || alias === "" || parts.length > 2) {
    throw invalidParameter(`bad format for links: ${text}`);
  }
  const clean = name.replace(/^\//, "");
  return { name: clean, alias: alias === undefined ? clean : alias.slice(alias.lastIndexOf("/") + 1) };
}

/** The line of /etc/hosts: alias, hostname, name, each once. */
export function linkHosts(link: Link, target: LinkTarget): HostsRecord {
  return { address: target.address, names: [...new Set([link.alias, target.hostname, target.name])] };
}

/**
 * The variables that a legacy link gives (`DB_PORT_5432_TCP_ADDR`, …), in Docker's order. `owner` is the name of
 * the container that gets them.
 */
export function linkEnvironment(link: Link, target: LinkTarget, owner: string): string[] {
  const alias = link.alias.replaceAll("-", "_").toUpperCase();
  const ports = target.exposedPorts
    .map(splitPort)
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  const env: string[] = [];
  const [first] = ports;
  if (first !== undefined) env.push(`${alias}_PORT=${first.protocol}://${target.address}:${first.port}`);
  for (const { port, protocol } of ports) {
    const prefix = `${alias}_PORT_${port}_${protocol.toUpperCase()}`;
    env.push(
      `${prefix}=${protocol}://${target.address}:${port}`,
      `${prefix}_ADDR=${target.address}`,
      `${prefix}_PORT=${port}`,
      `${prefix}_PROTO=${protocol}`,
    );
  }
  env.push(`${alias}_NAME=/${owner}/${link.alias}`);
  // HOME and PATH say something about the other container's file system only.
  for (const variable of target.env) {
    if (variable.includes("=") && !/^(HOME|PATH)=/.test(variable)) env.push(`${alias}_ENV_${variable}`);
  }
  return env;
}

function splitPort(text: string): { port: number; protocol: string } {
  const [port, protocol] = text.split("/", 2);
  return { port: Number(port), protocol: protocol ?? "tcp" };
}
