import type { PortBinding, PortMap } from "../../wire/index.ts";
import { cut } from "../flags.ts";
import { isAddress } from "../text/ip.ts";

export interface PublishedPorts {
  readonly exposed: Record<string, Record<string, never>>;
  readonly bindings: PortMap;
}

/**
 * Reads `-p` and `--expose`. A publication is `[[address:]host:]container[/protocol]`, where ports may be
 * ranges, or `published=80,target=80,protocol=tcp`. @throws with Docker's words.
 */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const exposed: Record<string, Record<string, never>> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const spec of publish.map(shortForm)) {
    for (const { port, binding } of parsePublication(spec)) {
      exposed[port] = {};
      bindings[port] = [...(bindings[port] ?? []), binding];
    }
  }
  for (const port of expose.flatMap(parseExposed)) exposed[port] = {};
  return { exposed, bindings };
}

/** Turns the long form into the short one. */
function shortForm(spec: string): string {
  if (!spec.includes("=")) return spec;
  const given: Record<string, string> = { protocol: "tcp" };
  for (const param of spec.split(",")) {
    const [key, value] = cut(param, "=");
    if (value === undefined || key === "") {
      throw new Error(`invalid publish opts format (should be name=value but got '${param}')`);
    }
    given[key] = value;
  }
  return `${given["published"] ?? ""}:${given["target"] ?? ""}/${given["protocol"]}`;
}

function parsePublication(spec: string): { port: string; binding: PortBinding }[] {
  const { address, host, rest } = splitPublication(spec);
  const { protocol, port } = splitProtocol(rest);
  const hostIp = plainAddress(address);
  if (port === "") throw new Error(`no port specified: ${spec}<empty>`);
  const inside = rangeOr(port, () => new Error(`invalid containerPort: ${port}`));
  const outside = host === "" ? undefined : rangeOr(host, () => new Error(`invalid hostPort: ${host}`));
  if (outside !== undefined && outside.count !== inside.count && inside.count > 1) {
    throw new Error(`invalid ranges specified for container and host Ports: ${port} and ${host}`);
  }
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  return Array.from({ length: inside.count }, (_, index) => ({
    port: `${inside.first + index}/${protocol}`,
    binding: { HostIp: hostIp, HostPort: hostPortText(outside, inside.count, index) },
  }));
}

/** A range outside for one port inside means: any free one of them. */
function hostPortText(outside: PortRange | undefined, insideCount: number, index: number): string {
  if (outside === undefined) return "";
  if (insideCount === 1 && outside.count > 1) return `${outside.first}-${outside.first + outside.count - 1}`;
  return String(outside.first + index);
}

function splitPublication(spec: string): { address: string; host: string; rest: string } {
  const parts = spec.split(":");
  const rest = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  return { address: parts.join(":"), host, rest };
}

/** `80/udp`: without a protocol it is tcp. */
function splitProtocol(text: string): { protocol: string; port: string } {
  const [port = "", protocol = ""] = text.split("/");
  return { port, protocol: protocol === "" ? "tcp" : protocol.toLowerCase() };
}

function plainAddress(address: string): string {
  const plain = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  if (address.startsWith("[") && plain === address) {
    throw new Error(`invalid IP address ${address}: address ${address}:: missing ']' in address`);
  }
  if (plain !== "" && !isAddress(plain.replace(/%.*$/, ""))) throw new Error(`invalid IP address: ${plain}`);
  return plain;
}

interface PortRange {
  readonly first: number;
  readonly count: number;
}

function rangeOr(text: string, complaint: () => Error): PortRange {
  try {
    return parseRange(text);
  } catch {
    throw complaint();
  }
}

/** `80` or `8000-8010`. */
function parseRange(text: string): PortRange {
  if (text === "") throw new Error("empty string specified for ports");
  const [from, to] = cut(text, "-");
  const first = portNumber(from);
  const last = to === undefined ? first : portNumber(to);
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return { first, count: last - first + 1 };
}

function portNumber(text: string): number {
  if (!/^\d+$/.test(text))
    throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) > 65535)
    throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return Number(text);
}

function parseExposed(spec: string): string[] {
  if (spec.includes(":")) throw new Error(`invalid port format for --expose: ${spec}`);
  const { protocol, port } = splitProtocol(spec);
  try {
    const { first, count } = parseRange(port);
    return Array.from({ length: count }, (_, index) => `${first + index}/${protocol}`);
  } catch (error) {
    throw new Error(`invalid range format for --expose: ${spec}, error: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
