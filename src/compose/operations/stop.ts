import type { Application } from "../application.ts";
import { containersOf } from "./applies-to.ts";
import { ContainerActions } from "./container-actions.ts";
import { allSettled, eachInReverseOrder } from "./in-order.ts";
import type { StopOptions } from "./options.ts";

/** Stops containers, those that depend on others first. Only those of the services named, all where none is. */
export async function stop(
  app: Application,
  services: readonly string[] = [],
  options: StopOptions = {},
): Promise<void> {
  const containers = await containersOf(app, services);
  const actions = new ContainerActions(app);
  await eachInReverseOrder(
    app.project.services,
    async (name) => {
      const own = containers.filter(({ service }) => service === name);
      await allSettled(own.map((container) => actions.stop(container, app.project.services[name], options)));
    },
    app.signal,
  );
}
