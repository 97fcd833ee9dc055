import { invalidParameter } from "../../lib/index.ts";

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);
const PORT_MAX = 65_535;

/**
 * The container's ports of an `EXPOSE` word: `80`, `53/udp`, `8000-8010/tcp`; also `host:container`, of which the
 * host's part means nothing in an image.
 * @throws InvalidParameter with Docker's words.
 */
export function parsePortSpecification(text: string): string[] {
  const slash = text.lastIndexOf("/");
  const protocol = slash < 0 ? "tcp" : text.slice(slash + 1).toLowerCase();
  const ports = slash < 0 ? text : text.slice(0, slash);
  const range = ports.slice(ports.lastIndexOf(":") + 1);
  if (range === "") throw invalidParameter(`no port specified: ${text}<empty>`);
  if (!PROTOCOLS.has(protocol)) throw invalidParameter(`invalid proto: ${protocol}`);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > PORT_MAX || last > PORT_MAX || last < first) {
    throw invalidParameter(`invalid containerPort: ${range}`);
  }
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
}
