import { dirname } from "node:path";
import type { RootDir } from "../../linux/index.ts";
import { follow } from "../contents/index.ts";

/**
 * What the runtime makes in a root for mounts to be put on: each mount's place and the folders above it, with links of the
 * root followed as the runtime follows them. While they are empty and were not there before they are no part of the layer.
 *
 * BuildKit removes them after the command, by their paths (executor's `MountStubsCleaner`), which a command could lead out of
 * the root with a link (CVE-2024-23652). Here nothing is removed: they are left out when the layer is read. Of /dev, /proc and /sys, where
 * an image lacks them, empty folders stay in the layer, as in BuildKit.
 */
export function mountPlaces(root: RootDir, destinations: Iterable<string>): string[] {
  const places = new Set<string>();
  const files = {
    lookAt: (path: string) => root.tryStat(path, { follow: false }),
    readLink: (path: string) => root.readLink(path),
  };
  for (const destination of destinations) {
    const { path } = follow(files, destination, { followLast: true });
    for (let place = `/${path}`; place !== "/"; place = dirname(place)) places.add(place);
  }
  for (const own of ["/dev", "/proc", "/sys"]) places.delete(own);
  return [...places];
}
