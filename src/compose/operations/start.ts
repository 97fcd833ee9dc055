import type { Application } from "../application.ts";
import { chosenProject } from "../plan/choose.ts";
import { containersOf } from "./applies-to.ts";
import type { StartOptions } from "./options.ts";
import { startServices } from "./start-services.ts";

/**
 * Starts the containers that are there, of these services and those they depend on, in the order of their dependencies.
 *
 * @throws System for a service without containers.
 */
export async function start(
  app: Application,
  services: readonly string[] = [],
  options: StartOptions = {},
): Promise<void> {
  const project = chosenProject(app.project, { services });
  const chosen = { ...app, project };
  await startServices(chosen, await containersOf(chosen, []), options);
}
