import type { Service } from "../model/index.ts";

/**
 * The services whose containers a service's own are made with: by id in shared namespaces and `volumes_from`. Where such
 * a container is made anew, so is this one.
 */
export function boundTo(service: Service): string[] {
  const names = new Set<string>();
  for (const mode of [service.network_mode, service.ipc, service.pid, service.uts, service.cgroup]) {
    if (mode?.startsWith("service:")) names.add(mode.slice("service:".length));
  }
  for (const from of service.volumes_from ?? []) {
    if (!from.startsWith("container:")) names.add(from.split(":", 1)[0]!);
  }
  return [...names];
}

/** The services whose containers have to be there when a service's own are made. */
export function neededToCreate(service: Service): string[] {
  const linked = (service.links ?? []).map((link) => link.split(":", 1)[0]!);
  return [...new Set([...boundTo(service), ...linked])];
}
