import { invalidParameter } from "../../lib/index.ts";
import type { PortMap } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";

/** What the service publishes and exposes: `80/tcp` → {}. */
export function exposedPorts(service: NamedService): Record<string, Record<string, never>> {
  const ports: Record<string, Record<string, never>> = {};
  for (const { target, protocol } of service.ports ?? []) ports[`${target}/${protocol ?? "tcp"}`] = {};
  for (const text of service.expose ?? []) {
    for (const port of expandExpose(text, service.name)) ports[port] = {};
  }
  return ports;
}

const EXPOSE = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/i;

/** `8000-8002/udp` → `8000/udp`, `8001/udp`, `8002/udp`. */
function expandExpose(text: string, service: string): string[] {
  const [, first, last = first, protocol = "tcp"] = EXPOSE.exec(text) ?? [];
  const from = Number(first);
  const to = Number(last);
  if (first === undefined || from > to || to > 65535 || from === 0) {
    throw invalidParameter(`services.${service}.expose: invalid port: "${text}"`);
  }
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`);
}

/** Where on the host: a port, a range to choose from, or none said, when the engine chooses. */
export function portBindings(service: NamedService): PortMap {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { target, protocol, host_ip, published } of service.ports ?? []) {
    const port = `${target}/${protocol ?? "tcp"}`;
    bindings[port] = [...(bindings[port] ?? []), { HostIp: host_ip ?? "", HostPort: published ?? "" }];
  }
  return bindings;
}
