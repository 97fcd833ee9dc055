import { isAddress } from "./address.ts";

/** One container port of a short syntax: the fields of the long one. */
export interface PortFields {
  readonly mode: "ingress";
  readonly host_ip?: string;
  readonly target: number;
  readonly published?: string;
  readonly protocol: string;
}

const HIGHEST = 65535;

/**
 * `[[address:][published]:]target[/protocol]`, both ports perhaps ranges, as the long syntax: one for each container
 * port.
 *
 * @throws Error saying what is wrong.
 */
export function parsePorts(text: string): PortFields[] {
  const slash = text.indexOf("/");
  const protocol = (slash === -1 ? "" : text.slice(slash + 1).toLowerCase()) || "tcp";
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  const parts = (slash === -1 ? text : text.slice(0, slash)).split(":");
  const container = parts.pop()!;
  const host = parts.pop() ?? "";
  const address = readAddress(parts.join(":"));
  if (container === "") throw new Error(`no port specified: ${text}`);

  const [first, last] = readRange(container, `invalid containerPort: ${container}`);
  const published = readPublished(host, first, last, text);
  const ports: PortFields[] = [];
  for (let target = first; target <= last; target++) {
    ports.push({
      mode: "ingress",
      ...(address === "" ? {} : { host_ip: address }),
      target,
      ...(published === undefined ? {} : { published: published(target - first) }),
      protocol,
    });
  }
  // In the order in which Docker's reader hands them out: by the text of the port.
  return ports.sort((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
}

function readAddress(text: string): string {
  const address = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (address !== "" && !isAddress(address)) throw new Error(`invalid IP address: ${address}`);
  return address;
}

function readPublished(
  host: string,
  first: number,
  last: number,
  text: string,
): ((index: number) => string) | undefined {
  if (host === "") return undefined;
  const [low, high] = readRange(host, `invalid hostPort: ${host}`);
  if (high - low === last - first) return (index) => String(low + index);
  // Several host ports for one container port: one of them will be chosen.
  if (first === last) return () => `${low}-${high}`;
  throw new Error(`invalid ranges specified for container and host Ports: ${text}`);
}

function readRange(text: string, wrong: string): [low: number, high: number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw new Error(wrong);
  const low = Number(match[1]);
  const high = Number(match[2] ?? match[1]);
  if (low > HIGHEST || high > HIGHEST || high < low) throw new Error(wrong);
  return [low, high];
}
