import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HostConfig } from "../../wire/index.ts";
import type { ContainerRecord } from "../record.ts";
import { parseBind } from "./bind.ts";
import { parseMount } from "./mount.ts";
import { cleanPath } from "./path.ts";
import type { PlannedMount } from "./plan-types.ts";
import { parseTmpfs } from "./tmpfs.ts";
import { mountsFrom, parseVolumesFrom } from "./volumes-from.ts";

/** What the plan must know of the world. */
export interface PlanWorld {
  /** @throws NotFound */
  container(reference: string): ContainerRecord;
  /** Whether a host path is there. */
  exists(path: string): boolean;
}

/**
 * Where each of a container's mounts comes from. Later sources win over earlier ones in this order: other
 * containers
 * (`--volumes-from`), `--tmpfs`, `-v`, `--mount`; what the image declares as volumes fills the places left.
 * @throws InvalidParameter `Duplicate mount point: /x` for two that the user asked for at one place
 */
export function planMounts(
  config: Pick<ContainerConfig, "Volumes">,
  host: Pick<HostConfig, "Binds" | "Mounts" | "Tmpfs" | "VolumesFrom" | "VolumeDriver">,
  world: PlanWorld,
): PlannedMount[] {
  const plan = new Map<string, PlannedMount>();
  for (const text of host.VolumesFrom ?? []) {
    const { container, readOnly } = parseVolumesFrom(text);
    for (const mount of mountsFrom(donorOf(container, world), readOnly)) plan.set(mount.destination, mount);
  }
  const asked = new Set<string>();
  const ask = (mount: PlannedMount) => {
    if (asked.has(mount.destination)) throw invalidParameter(`Duplicate mount point: ${mount.destination}`);
    asked.add(mount.destination);
    plan.set(mount.destination, mount);
  };
  for (const [destination, data] of Object.entries(host.Tmpfs ?? {})) ask(parseTmpfs(destination, data));
  for (const text of host.Binds ?? []) ask(parseBind(text, host.VolumeDriver));
  for (const mount of host.Mounts ?? []) ask(parseMount(mount, world.exists));
  for (const volume of Object.keys(config.Volumes ?? {})) {
    const mount = imageVolume(volume, host.VolumeDriver);
    if (!plan.has(mount.destination)) plan.set(mount.destination, mount);
  }
  return [...plan.values()];
}

function donorOf(reference: string, world: PlanWorld): ContainerRecord {
  try {
    return world.container(reference);
  } catch (error) {
    throw invalidParameter(error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * A place that the image wants to be a volume. The image is not trusted: `..` ends at the container's root,
 * and file
 * systems of the kernel are no place for data (an image could otherwise hide /proc from the checks of LSMs).
 */
function imageVolume(declared: string, driver: string | undefined): PlannedMount {
  const destination = cleanPath(`/${declared}`);
  const inKernel = ["/proc", "/sys", "/dev"].some(
    (path) => destination === path || destination.startsWith(`${path}/`),
  );
  if (destination === "/" || declared.includes("\0") || (inKernel && !destination.startsWith("/dev/shm"))) {
    throw invalidParameter(`invalid volume specification: '${declared}'`);
  }
  return {
    type: "volume",
    destination,
    source: "",
    mode: "",
    readOnly: false,
    propagation: "",
    anonymous: true,
    copyUp: true,
    origin: "image-volume",
    ...(driver ? { volume: { driver } } : {}),
  };
}
