import { join } from "node:path";
import { type Builder, openBuilder } from "../build/index.ts";
import type { Images } from "../images/index.ts";
import type { Worker } from "../lib/buildkit/index.ts";
import { VERSION } from "../lib/index.ts";
import type { Database, Trash } from "../store/index.ts";
import { openRuns, type RunRooms } from "./build-run.ts";
import { cachePolicyOf } from "./builder-config.ts";
import type { DaemonConfig } from "./config.ts";
import { engineId } from "./engine-id.ts";

export interface BuilderRooms {
  readonly config: DaemonConfig;
  readonly database: Database;
  readonly images: Images;
  readonly trash: Trash;
  readonly runs: RunRooms;
}

/** Words of Go's for the machine that Node names otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

const PLATFORM = {
  os: "linux",
  architecture: ARCHITECTURES[process.arch] ?? process.arch,
  variant: "",
  osVersion: "",
};

/** What clients of BuildKit are told of who builds. */
export function buildWorker(id: string, hostGateway: string): Worker {
  return {
    id,
    labels: {
      // Where buildx finds the address of `host-gateway` (moby, `builder/builder-next/worker/label`).
      "org.mobyproject.buildkit.worker.moby.host-gateway-ip": hostGateway,
      // buildx takes it for a sign that there are archives (`type=oci`), pushes and caches to export, as there are here.
      "org.mobyproject.buildkit.worker.snapshotter": "berth",
    },
    platforms: [{ os: PLATFORM.os, architecture: PLATFORM.architecture, variant: PLATFORM.variant }],
    version: VERSION,
  };
}

/** The builder, with what it needs of the other rooms. */
export async function openDaemonBuilder(rooms: BuilderRooms): Promise<Builder> {
  const { config, database, images, trash, runs } = rooms;
  return await openBuilder({
    database,
    images: images.builds,
    layers: images.builds.layers,
    run: await openRuns(runs),
    directory: join(config.dataRoot, "build"),
    discard: (path) => trash.take(path),
    platform: PLATFORM,
    builderId: `urn:uuid:${engineId(database)}`,
    policy: cachePolicyOf(config.builder, config.dataRoot),
  });
}
