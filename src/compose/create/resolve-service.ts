import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import { withApiSocket } from "./api-socket.ts";
import type { NamedContainer } from "./context.ts";

export type ContainersOf = (service: string) => readonly NamedContainer[];

/** The id of an image that is mounted, by what `source` says: an image's name, or that of a service whose image is meant. */
export type ImageIdOf = (source: string) => string | undefined;

/** The namespaces that a service can share with another, as Docker Compose calls them. */
const NAMESPACES = { network_mode: "network", ipc: "IPC", pid: "PID" } as const;

/**
 * The service as it counts for the configuration hash and for its containers: `service:db` of shared namespaces and
 * `volumes_from` have become the container, and `use_api_socket` what it stands for. Images that are mounted have become
 * their ids, as far as they are known: when such an image changes, so does the hash.
 *
 * @throws InvalidParameter where the other service has no container yet.
 */
export function resolveService(
  service: NamedService,
  containersOf: ContainersOf,
  imageIdOf: ImageIdOf = () => undefined,
): NamedService {
  const { name, ...resolved } = sharingContainers(withApiSocket(service), containersOf);
  if (service.volumes_from !== undefined) {
    // The mode behind the second colon is no part of the hash.
    resolved.volumes_from = volumesFrom(service, containersOf).map((from) => from.split(":", 1)[0]!);
  }
  if (service.volumes?.some(({ type }) => type === "image")) {
    resolved.volumes = resolved.volumes!.map((volume) =>
      volume.type === "image"
        ? { ...volume, source: imageIdOf(volume.source ?? "") ?? volume.source }
        : volume,
    );
  }
  return { ...resolved, name };
}

/** Namespaces of other services, as `container:<id>`. */
export function sharingContainers(service: NamedService, containersOf: ContainersOf): NamedService {
  const resolved = { ...service };
  for (const [attribute, what] of Object.entries(NAMESPACES) as [keyof typeof NAMESPACES, string][]) {
    const mode = service[attribute];
    if (!mode?.startsWith("service:")) continue;
    const other = mode.slice("service:".length);
    resolved[attribute] = `container:${firstOf(other, containersOf, `share ${what} namespace`)}`;
  }
  return resolved;
}

/** `db:ro` → `<id>:ro`, `container:old` → `old`. */
export function volumesFrom(service: NamedService, containersOf: ContainersOf): string[] {
  return (service.volumes_from ?? []).map((from) => {
    if (from.startsWith("container:")) return from.slice("container:".length);
    const [other = "", ...mode] = from.split(":");
    return [firstOf(other, containersOf, "share volume"), ...mode].join(":");
  });
}

function firstOf(service: string, containersOf: ContainersOf, what: string): string {
  const [first] = containersOf(service);
  if (first === undefined) {
    throw invalidParameter(`cannot ${what} with service ${service}: container missing`);
  }
  return first.id;
}
