import type { Engine } from "../../sdk/index.ts";
import type { Volume } from "../../wire/index.ts";
import { projectFilter } from "../labels.ts";
import { projectContainers } from "./containers.ts";

/** A project's volumes by its labels; with services, those that their running containers use. */
export async function volumes(
  engine: Engine,
  project: string,
  services: readonly string[],
): Promise<Volume[]> {
  const [{ Volumes }, containers] = await Promise.all([
    engine.volumes.list(projectFilter(project)),
    services.length === 0 ? undefined : projectContainers(engine, project, { oneOff: "include", services }),
  ]);
  const found = [...(Volumes ?? [])].sort((a, b) => (a.Name < b.Name ? -1 : 1));
  if (containers === undefined) return found;
  const used = new Set(containers.flatMap(({ Mounts }) => (Mounts ?? []).map(({ Name }) => Name)));
  return found.filter(({ Name }) => used.has(Name));
}
