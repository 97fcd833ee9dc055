import type { Application } from "../application.ts";
import { endpointSettings } from "../create/networking.ts";
import { containerName } from "../labels.ts";
import type { ServiceContainer } from "../state/index.ts";
import { orNothing } from "./external.ts";
import { together } from "./told.ts";

/** Takes stopped containers off a network that goes, and puts them on the one that comes in its place. */
export function moveContainers(
  app: Application,
  key: string,
  networkName: string,
  containers: readonly ServiceContainer[],
): { away: (network: string) => Promise<void>; to: (network: string) => Promise<void> } {
  const { engine, project } = app;
  const each = (work: (container: ServiceContainer) => Promise<unknown>) => together(containers.map(work));
  return {
    async away(network) {
      await each(({ id }) => orNothing(engine.networks.disconnect(network, id, { force: true })));
    },
    async to(network) {
      await each(async (container) => {
        const { id, name, number, oneOff } = container;
        const service = project.services[container.service];
        // The service has left this network, or the project: the container will be made anew, or removed.
        if (service?.networks === undefined || !Object.hasOwn(service.networks, key)) return;
        const named = { ...service, name: container.service };
        const own = oneOff ? [name] : [containerName(project.name, named, number), named.name];
        const membership = { names: own, aliases: !oneOff, links: [] };
        const settings = endpointSettings(named, key, membership, () => {});
        await engine.networks.connect(network || networkName, id, settings);
      });
    },
  };
}
