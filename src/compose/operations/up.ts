import type { Application } from "../application.ts";
import { chosenProject } from "../plan/choose.ts";
import { planContainers } from "../plan/containers.ts";
import { olderHashes } from "../plan/older-hash.ts";
import { orphanWarning, recreatePolicy } from "../plan/policy.ts";
import { refuseImpossible } from "../plan/refuse.ts";
import { resolveIfThere } from "../plan/resolve.ts";
import { serviceHash } from "../project/index.ts";
import { ensureNetworks, ensureVolumes, planNetworks, planVolumes } from "../resources/index.ts";
import type { ProjectState, ServiceContainer } from "../state/index.ts";
import { ContainerActions } from "./container-actions.ts";
import { converge } from "./converge.ts";
import { allSettled } from "./in-order.ts";
import { LiveContainers } from "./live-containers.ts";
import { observeWithImages } from "./observe.ts";
import type { CreateOptions, UpOptions, UpResult } from "./options.ts";
import { startServices } from "./start-services.ts";

/**
 * Makes the containers of a project as its file says, and starts them in the order of their dependencies. What is as it
 * should be is left alone; after a failure the next `up` goes on from there.
 *
 * @throws what the engine says, with the service's name, when all that was under way has come to its end.
 */
export async function up(app: Application, options: UpOptions = {}): Promise<UpResult> {
  const result = await create(app, options);
  await options.onCreated?.(result.containers);
  if (options.noStart !== true) {
    await startServices({ ...app, project: result.project }, result.containers, options);
  }
  return result;
}

/** `up` without the start. */
export async function create(application: Application, options: CreateOptions = {}): Promise<UpResult> {
  const project = chosenProject(application.project, options);
  refuseImpossible(project);
  const app = { ...application, project };
  const { images, mounted, state } = await observeWithImages(app, options);
  const live = new LiveContainers(state.containers);
  const resources = await ensureResources(app, options, state, live);
  const plan = planContainers({
    project,
    containers: live.all(),
    imageDigests: new Map([...images].map(([name, { digest }]) => [name, digest])),
    ...resources,
    policyOf: recreatePolicy(options),
    resolve: resolveIfThere((name) => live.of(name), mounted),
    hashOf: serviceHash,
    olderHashesOf: olderHashes,
  });
  const warning = orphanWarning(plan.orphans, options);
  if (warning !== undefined) app.report.warn(warning);
  await converge({ app, actions: new ContainerActions(app), options, images, mounted, live }, plan);
  return {
    project,
    containers: live
      .all()
      .filter(({ service, oneOff }) => !oneOff && Object.hasOwn(project.services, service)),
  };
}

interface Resources {
  readonly networkIds: ReadonlyMap<string, string>;
  readonly volumeNames: ReadonlyMap<string, string>;
  /** Services whose containers went with a volume. */
  readonly gone: ReadonlySet<string>;
  /** Containers that have lost a network. */
  readonly cutOff: ReadonlySet<string>;
}

/** Networks and volumes, before the containers that need them. */
async function ensureResources(
  app: Application,
  options: CreateOptions,
  state: ProjectState,
  live: LiveContainers,
): Promise<Resources> {
  const { timeoutSeconds, confirm } = options;
  const actions = new ContainerActions(app);
  const stop = async (container: ServiceContainer) => {
    await actions.stop(container, app.project.services[container.service], { timeoutSeconds });
    live.set({ ...container, state: "exited" });
  };
  const takeAway = async (container: ServiceContainer) => {
    await stop(container);
    await actions.remove(container);
    live.delete(container);
  };
  const networkPlans = planNetworks(app, state.networks);
  const ensuringNetworks = ensureNetworks(app, networkPlans, {
    containers: state.containers,
    stop: (containers) => allSettled(containers.map(stop)),
  });
  const replaced = networkPlans.filter(({ action }) => action === "recreate" || action === "rename");
  // Both would lay hands on the same containers.
  if (replaced.length > 0) await ensuringNetworks;
  const [networks, volumes] = await Promise.all([
    ensuringNetworks,
    ensureVolumes(app, planVolumes(app, state.volumes), {
      containers: state.containers,
      ...(confirm === undefined ? {} : { confirm }),
      removeContainers: (containers) => allSettled(containers.map(takeAway)),
    }),
  ]);
  // Containers have been moved from those made anew, which the list of containers does not know.
  const known = new Map(networks.ids);
  for (const { key } of replaced) known.delete(key);
  return {
    networkIds: known,
    volumeNames: volumes.names,
    gone: new Set(volumes.removed.map(({ service }) => service)),
    cutOff: new Set(networks.mustRecreate.map(({ id }) => id)),
  };
}
