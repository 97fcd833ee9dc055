import { invalidParameter } from "../errors.ts";
import { quote } from "./text.ts";

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);
const PORT_MAX = 65_535;
/** Near enough: the address is not used. */
const ADDRESS = /^(?:\d+\.\d+\.\d+\.\d+|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?)$/;

/** A word of `EXPOSE`. */
export interface ExposedPort {
  readonly first: number;
  readonly last: number;
  /** In lower case. */
  readonly protocol: string;
  /** As written; empty where none is. */
  readonly writtenProtocol: string;
  /** It names an address or a port of the host, which mean nothing in an image. */
  readonly hasHostPart: boolean;
}

/**
 * `80`, `53/udp`, `8000-8010/tcp`; also `[address:][host port:]port`, of which only the last part counts (BuildKit's
 * `convert_expose.go`).
 * @throws InvalidParameter with Docker's words.
 */
export function parseExposedPort(text: string): ExposedPort {
  const parts = text.split(":");
  const container = parts.at(-1)!;
  const hostPort = parts.at(-2) ?? "";
  const address = parts.slice(0, -2).join(":");
  const slash = container.indexOf("/");
  const range = slash < 0 ? container : container.slice(0, slash);
  const writtenProtocol = slash < 0 ? "" : container.slice(slash + 1);
  const protocol = writtenProtocol.toLowerCase() || "tcp";
  if (range === "") throw invalidParameter(`invalid port: ${quote(text)}: no port specified`);
  if (!PROTOCOLS.has(protocol)) {
    throw invalidParameter(`invalid port: ${quote(text)}: invalid proto: ${writtenProtocol}`);
  }
  const ports = parseRange(range);
  if (ports === undefined) throw invalidParameter(`invalid containerPort: ${range}`);
  if (address !== "" && !ADDRESS.test(address)) throw invalidParameter(`invalid IP address: ${address}`);
  if (hostPort !== "") checkHostPorts(range, ports, hostPort);
  return { ...ports, protocol, writtenProtocol, hasHostPart: address !== "" || hostPort !== "" };
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string): PortRange | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  return first <= last && last <= PORT_MAX ? { first, last } : undefined;
}

/** As many ports of the host as of the container, or any number for a single one to be chosen from. */
function checkHostPorts(range: string, ports: PortRange, hostRange: string): void {
  const host = parseRange(hostRange);
  if (host === undefined) throw invalidParameter(`invalid hostPort: ${hostRange}`);
  const count = ports.last - ports.first;
  if (count !== 0 && count !== host.last - host.first) {
    throw invalidParameter(
      `invalid ranges specified for container and host Ports: ${range} and ${hostRange}`,
    );
  }
}
