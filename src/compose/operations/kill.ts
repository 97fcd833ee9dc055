import type { Application } from "../application.ts";
import { readState } from "../state/index.ts";
import { requireService } from "./applies-to.ts";
import { ContainerActions } from "./container-actions.ts";
import { allSettled } from "./in-order.ts";
import type { KillOptions } from "./options.ts";

/** Sends a signal to the containers that run, those of `run` too. Gives their names; none: there was nothing to kill. */
export async function kill(
  app: Application,
  services: readonly string[] = [],
  options: KillOptions = {},
): Promise<readonly string[]> {
  const { engine, project, signal } = app;
  for (const name of services) requireService(project, name);
  const { containers } = await readState(engine, project.name, { all: false, oneOff: true, signal });
  const wanted = containers.filter(({ service }) => {
    if (services.length > 0) return services.includes(service);
    return options.removeOrphans === true || Object.hasOwn(project.services, service);
  });
  const actions = new ContainerActions(app);
  await allSettled(wanted.map((container) => actions.kill(container, options.signalName)));
  return wanted.map(({ name }) => name);
}
