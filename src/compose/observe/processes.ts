import type { Engine } from "../../sdk/index.ts";
import { LABEL } from "../labels.ts";
import { canonicalName, projectContainers, serviceOf } from "./containers.ts";

/** The processes of one container, as `ps` in it would show them. */
export interface ContainerProcesses {
  readonly service: string;
  readonly number: string;
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** The processes of a project's running containers, those of `run` too, by the containers' names. */
export async function processes(
  engine: Engine,
  project: string,
  services: readonly string[],
): Promise<ContainerProcesses[]> {
  const containers = await projectContainers(engine, project, { oneOff: "include", services });
  return Promise.all(
    containers.map(async (container) => {
      const { Titles, Processes } = await engine.containers.top(container.Id);
      return {
        service: serviceOf(container) || canonicalName(container),
        number: container.Labels?.[LABEL.containerNumber] ?? "",
        titles: Titles ?? [],
        processes: Processes ?? [],
      };
    }),
  );
}
