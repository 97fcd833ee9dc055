import type { Filters } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { type Pruned, pruneFilters } from "./prune.ts";

/** Removes what is of no use any more; each gives what it did. */

export async function pruneContainers(cli: Cli, given: Filters): Promise<Pruned> {
  const filters = await pruneFilters(cli, given);
  const { ContainersDeleted, SpaceReclaimed } = await (await cli.engine()).containers.prune(filters);
  return { title: "Deleted Containers:", lines: ContainersDeleted ?? [], bytes: SpaceReclaimed };
}

export async function pruneImages(cli: Cli, given: Filters, all: boolean): Promise<Pruned> {
  const filters = await pruneFilters(cli, { ...given, dangling: [String(!all)] });
  const { ImagesDeleted, SpaceReclaimed } = await (await cli.engine()).images.prune(filters);
  const lines = (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
  );
  return { title: "Deleted Images:", lines, bytes: SpaceReclaimed };
}

/** All but where names point now, and the images that are here for that only. */
export async function pruneImageVersions(cli: Cli, given: Filters): Promise<Pruned> {
  // The conditions of the client's configuration are about labels, and a version has none.
  const { imageVersions } = await cli.engine();
  const { VersionsDeleted, ImagesDeleted, SpaceReclaimed } = await imageVersions.prune(given);
  const images = (ImagesDeleted ?? []).flatMap(({ Deleted }) => (Deleted ? [`deleted: ${Deleted}`] : []));
  return {
    title: "Deleted Versions:",
    lines: [...(VersionsDeleted ?? []), ...images],
    bytes: SpaceReclaimed,
  };
}

export async function pruneNetworks(cli: Cli, given: Filters): Promise<Pruned> {
  const filters = await pruneFilters(cli, given);
  const { NetworksDeleted } = await (await cli.engine()).networks.prune(filters);
  return { title: "Deleted Networks:", lines: NetworksDeleted ?? [], bytes: 0 };
}

/** @param all named volumes too. */
export async function pruneVolumes(cli: Cli, given: Filters, all: boolean): Promise<Pruned> {
  if (all && given["all"] !== undefined)
    throw new Error("conflicting options: cannot specify both --all and --filter all=1");
  const filters = await pruneFilters(cli, all ? { ...given, all: ["true"] } : given);
  const { VolumesDeleted, SpaceReclaimed } = await (await cli.engine()).volumes.prune(filters);
  return { title: "Deleted Volumes:", lines: VolumesDeleted ?? [], bytes: SpaceReclaimed };
}

/** @param limits in bytes; 0 or nothing: no limit, so that all that fits goes. */
export async function pruneBuildCache(
  cli: Cli,
  filters: Filters,
  all: boolean,
  limits: Partial<Record<"reservedBytes" | "maxUsedBytes" | "minFreeBytes", number>> = {},
): Promise<Pruned> {
  const { CachesDeleted, SpaceReclaimed = 0 } = await (await cli.engine()).system.pruneBuildCache({
    all,
    filters,
    ...limits,
  });
  return { title: "Deleted build cache objects:", lines: CachesDeleted ?? [], bytes: SpaceReclaimed };
}
