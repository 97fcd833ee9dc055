import type { Engine } from "../../sdk/index.ts";
import { LABEL, projectFilter } from "../labels.ts";
import { serviceContainer } from "./container.ts";
import type { ProjectState } from "./state.ts";

export interface ReadOptions {
  /** Stopped containers too; true unless told. */
  readonly all?: boolean;
  /** Those of `run` too; false unless told. */
  readonly oneOff?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** All that the engine has of a project: three calls, at once. */
export async function readState(
  engine: Engine,
  project: string,
  { all = true, oneOff = false, signal }: ReadOptions = {},
): Promise<ProjectState> {
  const filters = projectFilter(project);
  const [summaries, networks, volumes] = await Promise.all([
    engine.containers.list({ all, filters, signal }),
    engine.networks.list(filters),
    engine.volumes.list(filters),
  ]);
  const containers = summaries
    // What bears the project's label but no configuration was not made for a service.
    .filter(({ Labels }) => Labels[LABEL.configHash] !== undefined)
    .map(serviceContainer)
    .filter((container) => oneOff || !container.oneOff)
    .sort(byService);
  const hookContainers = summaries.filter(({ Labels }) => Labels[LABEL.hook] !== undefined);
  return { containers, hookContainers, networks, volumes: volumes.Volumes ?? [] };
}

function byService(
  a: { service: string; number: number; name: string },
  b: { service: string; number: number; name: string },
): number {
  return compare(a.service, b.service) || a.number - b.number || compare(a.name, b.name);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
