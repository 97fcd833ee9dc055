import type { Application } from "../application.ts";
import { containersOf } from "./applies-to.ts";
import { ContainerActions, isUp } from "./container-actions.ts";
import { allSettled } from "./in-order.ts";
import type { RemoveOptions } from "./options.ts";
import { stop } from "./stop.ts";

/** Removes containers that do not run. Gives the names of those it was about, none where there were none. */
export async function remove(
  app: Application,
  services: readonly string[] = [],
  options: RemoveOptions = {},
): Promise<readonly string[]> {
  const { timeoutSeconds } = options;
  if (options.stop === true)
    await stop(app, services, timeoutSeconds === undefined ? {} : { timeoutSeconds });
  const containers = await containersOf(app, services);
  // In a dry run they have not been stopped.
  const stopped = containers.filter((one) => !isUp(one) || (options.stop === true && app.dryRun));
  const names = stopped.map(({ name }) => name);
  if (names.length === 0 || (await options.confirm?.(names)) === false) return names;
  const actions = new ContainerActions(app);
  // One that somebody has started meanwhile is left.
  await allSettled(
    stopped.map((container) => actions.remove(container, { volumes: options.volumes, force: false })),
  );
  return names;
}
