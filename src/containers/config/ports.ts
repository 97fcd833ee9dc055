import { invalidParameter } from "../../lib/index.ts";
import type { PortMap } from "../../wire/index.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"];

/** `80` → `80/tcp`. @throws InvalidParameter `invalid port specification: "x"` */
export function parsePort(text: string): string {
  const [number = "", protocol = "tcp", ...more] = text.toLowerCase().split("/");
  if (more.length > 0 || !isPort(number) || !PROTOCOLS.includes(protocol)) throw invalid(text);
  return `${Number(number)}/${protocol}`;
}

/** Keys with their protocol; host ports are empty, a number or a range. */
export function parsePortMap(map: PortMap): PortMap {
  const parsed: PortMap = {};
  for (const [port, bindings] of Object.entries(map)) {
    for (const { HostPort } of bindings ?? []) if (HostPort) checkRange(HostPort);
    // Both are always shown, also where the request left one out.
    const whole = bindings?.map(({ HostIp, HostPort }) => ({
      HostIp: HostIp ?? "",
      HostPort: HostPort ?? "",
    }));
    parsed[parsePort(port)] = whole ?? null;
  }
  return parsed;
}

export function parsePortSet(set: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(set).map((port) => [parsePort(port), {}]));
}

function checkRange(text: string): void {
  const [range = ""] = text.split("/");
  const [first = "", last = first, ...more] = range.split("-");
  const wellFormed =
    more.length === 0 && isPort(first, 0) && isPort(last, 0) && Number(first) <= Number(last);
  if (!wellFormed) throw invalid(text);
}

function isPort(text: string, lowest = 1): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= lowest && Number(text) <= 65_535;
}

function invalid(text: string): Error {
  return invalidParameter(`invalid port specification: ${JSON.stringify(text)}`);
}
