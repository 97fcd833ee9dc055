import { kindOf } from "../../lib/index.ts";
import type { Network, NetworkCreateRequest } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { removeFilesVolumes } from "../create/files-volume.ts";
import { COMPOSE_VERSION } from "../create/labels.ts";
import { LABEL } from "../labels.ts";
import { networkHash } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { externalNetwork } from "./external.ts";
import { moveContainers } from "./move-containers.ts";
import type { NetworkPlan } from "./plan.ts";
import { during, isInUse, removeTold, together, told } from "./told.ts";

export interface EnsureNetworksOptions {
  /** The project's containers, running or not: those on a network that is made anew have to let go of it. */
  readonly containers: readonly ServiceContainer[];
  /** Stops them. They keep their identity; those that shall run are to be started again. */
  readonly stop: (containers: readonly ServiceContainer[]) => Promise<void>;
}

export interface EnsuredNetworks {
  /** Ids by the networks' names in the Compose file. */
  readonly ids: Map<string, string>;
  /** Containers that have lost a network which has another name now: to be made anew. */
  readonly mustRecreate: readonly ServiceContainer[];
}

/**
 * Carries the plan out, all networks at once.
 *
 * @throws NotFound `network x declared as external, but could not be found`.
 */
export async function ensureNetworks(
  app: Application,
  plans: readonly NetworkPlan[],
  options: EnsureNetworksOptions,
): Promise<EnsuredNetworks> {
  const ids = new Map<string, string>();
  const mustRecreate: ServiceContainer[] = [];
  // First of all, so that nothing is done where one is missing.
  await together(
    plans.map(async ({ key, action, network }) => {
      if (action === "external") ids.set(key, (await externalNetwork(app, network.name)).Id);
    }),
  );
  const replaced = plans.filter(({ action }) => action === "recreate" || action === "rename");
  const attached = options.containers.filter((container) => replaced.some((plan) => isOn(container, plan)));
  if (attached.length > 0) await options.stop(attached);
  await together(
    plans.map(async (plan) => {
      const { key, action, found } = plan;
      if (action === "external") return;
      const own = attached.filter((container) => isOn(container, plan));
      if (action === "keep") ids.set(key, keepNetwork(app, plan, found!).Id);
      else if (action === "create") ids.set(key, await createNetwork(app, plan));
      else if (action === "recreate") ids.set(key, await recreateNetwork(app, plan, found!, own));
      else {
        await letGo(app, found!, own);
        ids.set(key, await createNetwork(app, plan));
        mustRecreate.push(...own);
      }
    }),
  );
  return { ids, mustRecreate: [...new Set(mustRecreate)] };
}

function isOn({ summary }: ServiceContainer, { found }: NetworkPlan): boolean {
  const joined = Object.entries(summary.NetworkSettings?.Networks ?? {});
  return joined.some(([name, { NetworkID }]) => NetworkID === found?.Id || name === found?.Name);
}

/** A network of this name that is not the project's is taken all the same. */
function keepNetwork(app: Application, { network }: NetworkPlan, found: Network): Network {
  const owner = found.Labels?.[LABEL.project];
  if (owner !== app.project.name) {
    const whose = owner === undefined ? "by compose" : `for project "${app.project.name}"`;
    app.report.warn(
      `a network with name ${network.name} exists but was not created ${whose}.\nSet \`external: true\` to use an existing network`,
    );
  }
  return found;
}

/** Gives its id. */
async function createNetwork(app: Application, plan: NetworkPlan): Promise<string> {
  const { name } = plan.network;
  const id = await told(app, `Network ${name}`, "Creating", "Created", async () => {
    try {
      return (await app.engine.networks.create(networkRequest(app, plan))).Id;
    } catch (error) {
      if (kindOf(error) !== "Conflict") throw during(`failed to create network ${name}`, error);
      // There is one by now, or there was one without our labels.
      const found = (await app.engine.networks.list({ name: [name] })).find(({ Name }) => Name === name);
      if (found === undefined) throw during(`failed to create network ${name}`, error);
      return keepNetwork(app, plan, found).Id;
    }
  });
  return id ?? name;
}

/** As the engine is asked for it. */
export function networkRequest(
  { project }: Application,
  { key, network }: NetworkPlan,
): NetworkCreateRequest {
  const { ipam, driver, driver_opts, internal, attachable, enable_ipv4, enable_ipv6 } = network;
  return {
    Name: network.name,
    CheckDuplicate: true,
    ...(driver ? { Driver: driver } : {}),
    ...(driver_opts === undefined ? {} : { Options: driver_opts }),
    ...(internal === true ? { Internal: true } : {}),
    ...(attachable === true ? { Attachable: true } : {}),
    ...(enable_ipv4 === undefined ? {} : { EnableIPv4: enable_ipv4 }),
    ...(enable_ipv6 === undefined ? {} : { EnableIPv6: enable_ipv6 }),
    ...addressManagement(ipam),
    Labels: {
      ...network.labels,
      [LABEL.network]: key,
      [LABEL.project]: project.name,
      [LABEL.version]: COMPOSE_VERSION,
      [LABEL.configHash]: networkHash(network),
    },
  };
}

function addressManagement(ipam: NetworkPlan["network"]["ipam"]): Pick<NetworkCreateRequest, "IPAM"> {
  const { driver, config = [], options } = ipam ?? {};
  if (!driver && config.length === 0 && Object.keys(options ?? {}).length === 0) return {};
  return {
    IPAM: {
      ...(driver ? { Driver: driver } : {}),
      ...(options === undefined ? {} : { Options: options }),
      Config: config.map(({ subnet, ip_range, gateway, aux_addresses }) => ({
        ...(subnet ? { Subnet: subnet } : {}),
        ...(ip_range ? { IPRange: ip_range } : {}),
        ...(gateway ? { Gateway: gateway } : {}),
        ...(aux_addresses === undefined ? {} : { AuxiliaryAddresses: aux_addresses }),
      })),
    },
  };
}

/** The same name with another configuration: containers on it are moved to the new one, under all their names. */
async function recreateNetwork(
  app: Application,
  plan: NetworkPlan,
  found: Network,
  containers: readonly ServiceContainer[],
): Promise<string> {
  const move = moveContainers(app, plan.key, plan.network.name, containers);
  await told(app, `Network ${found.Name}`, "Removing", "Removed", async () => {
    await move.away(found.Id);
    try {
      await app.engine.networks.remove(found.Id);
    } catch (error) {
      throw during(`failed to remove network ${found.Name}`, error);
    }
  });
  const id = await createNetwork(app, plan);
  if (!app.dryRun) await move.to(id);
  return id;
}

/** Removes the network that had the old name, where nobody else is on it. */
async function letGo(
  app: Application,
  found: Network,
  containers: readonly ServiceContainer[],
): Promise<void> {
  if (app.dryRun) return;
  await moveContainers(app, "", "", containers).away(found.Id);
  try {
    await app.engine.networks.remove(found.Id);
  } catch (error) {
    if (!isInUse(error)) throw during(`failed to remove network ${found.Name}`, error);
    app.report.warn(
      `network ${found.Name} is still in use and was left; remove it when no container is on it`,
    );
  }
}

/**
 * Removes the project's own networks, at once; one that is still in use stays, with a warning. With them go, unsaid, the
 * volumes that were made for containers' files: they are of no use without the containers.
 *
 * @param found all that the engine has of the project.
 * @returns whether there was any.
 */
export async function removeNetworks(app: Application, found: readonly Network[]): Promise<boolean> {
  const own = Object.entries(app.project.networks).flatMap(([key, network]) =>
    network.external === true
      ? []
      : found.filter(({ Name, Labels }) => Labels?.[LABEL.network] === key && Name === network.name),
  );
  await together([
    removeFilesVolumes(app),
    ...own.map(({ Id, Name }) =>
      removeTold(app, `Network ${Name}`, () => app.engine.networks.remove(Id)).catch((error: unknown) => {
        throw during(`failed to remove network ${Name}`, error);
      }),
    ),
  ]);
  return own.length > 0;
}
