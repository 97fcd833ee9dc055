import type { Application } from "../application.ts";
import type { ImageIdOf } from "../create/index.ts";
import { factsOf, imageName, platformOf } from "../images/index.ts";
import { chosenProject } from "../plan/choose.ts";
import { type ContainersPlan, planContainers } from "../plan/containers.ts";
import type { Plan, PlannedAction } from "../plan/index.ts";
import { olderHashes } from "../plan/older-hash.ts";
import { recreatePolicy } from "../plan/policy.ts";
import { refuseImpossible } from "../plan/refuse.ts";
import { resolveIfThere } from "../plan/resolve.ts";
import { serviceHash } from "../project/index.ts";
import { externalNetwork, externalVolume } from "../resources/external.ts";
import { type NetworkPlan, planNetworks, planVolumes, type VolumePlan } from "../resources/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { imageVolumes } from "./image-volumes.ts";
import { LiveContainers } from "./live-containers.ts";
import { type Observed, observe } from "./observe.ts";
import type { UpOptions } from "./options.ts";
import { containerAction, isOnOne, plannedContainers } from "./planned-containers.ts";
import { plannedImages, plannedNetworks, plannedVolumes } from "./planned-resources.ts";

/**
 * What `up` would do and why, without doing it.
 *
 * @throws what `up` would fail with before it did anything.
 */
export async function planUp(application: Application, options: UpOptions = {}): Promise<Plan> {
  const project = chosenProject(application.project, options);
  refuseImpossible(project);
  const app = { ...application, project };
  const observed = await observe(app, options);
  const { images, state } = observed;
  const networks = planNetworks(app, state.networks);
  const volumes = planVolumes(app, state.volumes);
  await checkExternal(app, networks, volumes);
  const gone = goneWithVolumes(state.containers, volumes);
  const live = new LiveContainers(state.containers);
  const mounted = await imageVolumes(app);
  const plan = planWith(app, options, observed, { networks, volumes, gone, live, mounted });
  const services = await plannedContainers({ app, live, images, networks, options }, plan);
  const orphans = options.removeOrphans === true ? plan.orphans : [];
  return {
    actions: [
      ...plannedImages(images),
      ...plannedNetworks(app, networks),
      ...plannedVolumes(app, volumes),
      ...gone.map((one) => containerAction("remove", one, [{ text: "its volume is made anew" }])),
      ...services,
      ...orphans.map((one) => containerAction("remove", one, [{ text: "orphan" }])),
    ],
  };
}

/**
 * What `up` would do with the containers of one service, and which attributes make it.
 *
 * @throws NotFound `no such service: web`.
 */
export async function why(app: Application, service: string): Promise<readonly PlannedAction[]> {
  const { actions } = await planUp(app, { services: [service] });
  return actions.filter((one) => one.service === service);
}

interface Planned {
  readonly networks: readonly NetworkPlan[];
  readonly volumes: readonly VolumePlan[];
  readonly gone: readonly ServiceContainer[];
  readonly live: LiveContainers;
  readonly mounted: ImageIdOf;
}

function planWith(
  app: Application,
  options: UpOptions,
  observed: Observed,
  { networks, volumes, gone, live, mounted }: Planned,
): ContainersPlan {
  const there = observed.state.containers.filter((one) => !gone.includes(one));
  const renamed = networks.filter(({ action }) => action === "rename").map(({ found }) => found?.Id);
  return planContainers({
    project: app.project,
    containers: there,
    imageDigests: knownDigests(app, observed),
    networkIds: new Map(
      networks.flatMap(({ key, action, found }) => (action === "keep" && found ? [[key, found.Id]] : [])),
    ),
    volumeNames: new Map(volumes.map(({ key, volume }) => [key, volume.name])),
    gone: new Set(gone.map(({ service }) => service)),
    cutOff: new Set(there.filter((one) => isOnOne(one, renamed)).map(({ id }) => id)),
    policyOf: recreatePolicy(options),
    resolve: resolveIfThere((name) => live.of(name), mounted),
    hashOf: serviceHash,
    olderHashesOf: olderHashes,
  });
}

async function checkExternal(
  app: Application,
  networks: readonly NetworkPlan[],
  volumes: readonly VolumePlan[],
): Promise<void> {
  await Promise.all([
    ...networks.map(({ action, network }) => action === "external" && externalNetwork(app, network.name)),
    ...volumes.map(({ action, volume }) => action === "external" && externalVolume(app, volume.name)),
  ]);
}

/** Containers that mount a volume which is made anew go with it. */
function goneWithVolumes(
  containers: readonly ServiceContainer[],
  volumes: readonly VolumePlan[],
): ServiceContainer[] {
  const diverged = new Set(
    volumes.flatMap(({ action, volume }) => (action === "recreate" ? [volume.name] : [])),
  );
  return containers.filter(({ summary }) =>
    (summary.Mounts ?? []).some(({ Type, Name }) => Type === "volume" && diverged.has(Name ?? "")),
  );
}

/** Of images that are here; where one is fetched or built, what comes of it is not known yet. */
function knownDigests(app: Application, { images }: Observed): Map<string, string> {
  const digests = new Map<string, string>();
  for (const [name, service] of Object.entries(app.project.services)) {
    const named = { ...service, name };
    const local = images.local.get(imageName(app.project.name, named));
    const facts = local && (factsOf(local, platformOf(app.project, named)) ?? factsOf(local));
    if (facts !== undefined) digests.set(name, facts.digest);
  }
  return digests;
}
