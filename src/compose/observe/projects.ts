import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL } from "../labels.ts";

/** A project of which the engine has containers. */
export interface ProjectEntry {
  readonly name: string;
  /** `exited(1), running(2)` */
  readonly status: string;
  /** The files that its containers were made from; undefined where one does not say. */
  readonly configFiles: readonly string[] | undefined;
}

/** Every project on the engine; those without a running container only with `all`. */
export async function listProjects(
  engine: Engine,
  { all = false }: { readonly all?: boolean } = {},
): Promise<ProjectEntry[]> {
  const containers = await engine.containers.list({
    all,
    filters: { label: [LABEL.project, LABEL.configHash] },
  });
  const projects = Map.groupBy(containers, ({ Labels }) => Labels?.[LABEL.project] ?? "");
  return [...projects]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, members]) => ({
      name,
      status: combinedStatus(members),
      configFiles: configFiles(members),
    }));
}

function combinedStatus(containers: readonly ContainerSummary[]): string {
  const states = Map.groupBy(containers, ({ State }) => State);
  return [...states]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([state, { length }]) => `${state}(${length})`)
    .join(", ");
}

function configFiles(containers: readonly ContainerSummary[]): readonly string[] | undefined {
  const said = containers.map(({ Labels }) => Labels?.[LABEL.configFiles]);
  if (said.includes(undefined)) return undefined;
  return [...new Set(said.flatMap((files) => files!.split(",")))];
}
