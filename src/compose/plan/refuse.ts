import { invalidParameter } from "../../lib/index.ts";
import { refuseUnsupported } from "../create/refused.ts";
import type { Project } from "../project/index.ts";

/** @throws before anything is done, for what could not be done in the end. */
export function refuseImpossible(project: Project): void {
  const named = new Map<string, string>();
  for (const [name, service] of Object.entries(project.services)) {
    refuseUnsupported({ ...service, name });
    if (!service.container_name) continue;
    const other = named.get(service.container_name);
    if (other !== undefined) {
      throw invalidParameter(
        `services.${name}: container name "${service.container_name}" is already in use by service ${other}`,
      );
    }
    named.set(service.container_name, name);
  }
}
