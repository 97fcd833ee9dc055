import type { NamedService } from "../application.ts";
import { ATTRIBUTES_LABEL, containerName, LABEL } from "../labels.ts";
import type { Project } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { changedAttributes } from "./attributes.ts";
import { inDependencyOrder } from "./order.ts";
import { boundTo } from "./references.ts";
import { checkedScale } from "./scale.ts";
import type { Reason } from "./types.ts";

/** When containers that are there are made anew: where they differ, always, never. */
export type RecreatePolicy = "diverged" | "force" | "never";

/** All that the decision depends on. */
export interface ContainersInput {
  /** The chosen services, scaled as told. */
  readonly project: Project;
  /** All containers of the project, those of `run` too. */
  readonly containers: readonly ServiceContainer[];
  /** The digest of each service's image, where it is known. */
  readonly imageDigests: ReadonlyMap<string, string>;
  /** Ids of the networks that are there, by their names in the file. */
  readonly networkIds: ReadonlyMap<string, string>;
  /** Names of the volumes that are there, by their names in the file. */
  readonly volumeNames: ReadonlyMap<string, string>;
  /** Services whose containers have gone already, because a volume is made anew. */
  readonly gone?: ReadonlySet<string>;
  /** Ids of containers that have lost a network, because it has another name now. */
  readonly cutOff?: ReadonlySet<string>;
  readonly policyOf: (service: string) => RecreatePolicy;
  /** With `service:db` resolved to the containers there are. */
  readonly resolve: (service: NamedService) => NamedService;
  readonly hashOf: (service: NamedService) => string;
  /** Hashes that will do as well; asked for where the other is not that of a container. */
  readonly olderHashesOf?: (service: NamedService) => readonly string[];
}

/** What is to be done with one container of a service. */
export type ContainerStep =
  | {
      readonly kind: "create";
      readonly number: number;
      readonly name: string;
      readonly why: readonly Reason[];
    }
  | { readonly kind: "recreate"; readonly container: ServiceContainer; readonly why: readonly Reason[] }
  /** As it is; `rename` where an earlier `up` ended before it gave the name. */
  | { readonly kind: "keep"; readonly container: ServiceContainer; readonly rename?: string }
  | { readonly kind: "remove"; readonly container: ServiceContainer; readonly why: readonly Reason[] };

export interface ServicePlan {
  readonly service: NamedService;
  readonly steps: readonly ContainerStep[];
}

export interface ContainersPlan {
  /** Each after those it depends on. */
  readonly services: readonly ServicePlan[];
  /** Containers of services that the file no longer has, and what `run` has left. */
  readonly orphans: readonly ServiceContainer[];
}

/**
 * Compares the containers that are there with those that a project wants, by the rules of Docker Compose.
 *
 * @throws InvalidParameter where a service cannot have so many containers.
 */
export function planContainers(input: ContainersInput): ContainersPlan {
  const recreated = new Set<string>(input.gone);
  const services = inDependencyOrder(input.project.services).map((name) => {
    const plan = planService({ ...input.project.services[name]!, name }, input, recreated);
    if (plan.steps.some(({ kind }) => kind === "recreate")) recreated.add(name);
    return plan;
  });
  return { services, orphans: input.containers.filter((container) => isOrphan(input.project, container)) };
}

/** Running containers that are kept, and restart because one that they depend on with `restart: true` is made anew. */
export function restartingWith(
  plan: ContainersPlan,
): { readonly service: NamedService; readonly container: ServiceContainer; readonly because: string }[] {
  const isRecreated = ({ steps }: ServicePlan) => steps.some(({ kind }) => kind === "recreate");
  const recreated = new Set(plan.services.filter(isRecreated).map(({ service }) => service.name));
  return plan.services.flatMap(({ service, steps }) => {
    const dependencies = Object.entries(service.depends_on ?? {});
    const cause = dependencies.find(([name, { restart }]) => restart === true && recreated.has(name));
    if (cause === undefined) return [];
    const kept = steps.flatMap((step) => (step.kind === "keep" ? [step.container] : []));
    const running = kept.filter(
      ({ state }) => state === "running" || state === "paused" || state === "restarting",
    );
    return running.map((container) => ({ service, container, because: cause[0] }));
  });
}

/** A container that no service of the project has; one of `run` when it has ended. */
export function isOrphan(project: Project, { oneOff, service, state }: ServiceContainer): boolean {
  if (oneOff) return state === "exited" || state === "dead";
  return !Object.hasOwn(project.services, service) && !Object.hasOwn(project.disabled, service);
}

function planService(
  service: NamedService,
  input: ContainersInput,
  recreated: ReadonlySet<string>,
): ServicePlan {
  const { project } = input;
  const wanted = checkedScale(service);
  const existing = input.containers.filter((one) => !one.oneOff && one.service === service.name);
  const reasons = reasonsToRecreate(service, input, recreated);
  const judged = existing.map((container) => ({ container, why: reasons(container) })).sort(bestFirst);
  const steps: ContainerStep[] = judged.map(({ container, why }, index) => {
    if (index >= wanted) return { kind: "remove", container, why: [excess(wanted)] };
    if (why.length > 0) return { kind: "recreate", container, why };
    return { kind: "keep", container, ...unfinishedName(project.name, service, container) };
  });
  const next = Math.max(0, ...existing.map(({ number }) => number)) + 1;
  for (let number = next; number < next + wanted - existing.length; number++) {
    const name = containerName(project.name, service, number);
    steps.push({
      kind: "create",
      number,
      name,
      why: [{ text: existing.length === 0 ? "not there yet" : "scaled up" }],
    });
  }
  return { service, steps };
}

const excess = (wanted: number): Reason => ({
  text: wanted === 0 ? "scaled to none" : `scaled down to ${wanted}`,
});

interface Judged {
  readonly container: ServiceContainer;
  readonly why: readonly Reason[];
}

/** Those that are as they should be, then the lower numbers, then the newer ones. */
function bestFirst(a: Judged, b: Judged): number {
  const obsolete = Number(a.why.length > 0) - Number(b.why.length > 0);
  if (obsolete !== 0) return obsolete;
  return a.container.number - b.container.number || b.container.summary.Created - a.container.summary.Created;
}

/** A replacement bears the old container's id before its name until that is gone. */
function unfinishedName(
  project: string,
  service: NamedService,
  { name, number, labels }: ServiceContainer,
): { rename?: string } {
  const right = containerName(project, service, number);
  const temporary = labels[LABEL.replace] !== undefined && /^[0-9a-f]{12}_/.test(name);
  return temporary && name !== right ? { rename: right } : {};
}

/** Why a container of the service is made anew; nothing: it is as it should be. */
function reasonsToRecreate(
  service: NamedService,
  input: ContainersInput,
  recreated: ReadonlySet<string>,
): (container: ServiceContainer) => Reason[] {
  const policy = input.policyOf(service.name);
  const cutOff = ({ id }: ServiceContainer): Reason[] =>
    input.cutOff?.has(id) === true ? [{ text: "its network has another name" }] : [];
  // It cannot be left as it is.
  if (policy === "never") return cutOff;
  const resolved = input.resolve(service);
  const hash = input.hashOf(resolved);
  let older: readonly string[] | undefined;
  const isMadeSo = (container: ServiceContainer) => {
    if (container.hash === hash) return true;
    older ??= input.olderHashesOf?.(resolved) ?? [];
    return older.includes(container.hash);
  };
  const parents = boundTo(service).filter((name) => recreated.has(name));
  return (container) => [
    ...(policy === "force" ? [{ text: "asked for" }] : []),
    ...(isMadeSo(container) ? [] : [configurationChanged(container, resolved)]),
    ...imageChanged(container, input.imageDigests.get(service.name)),
    ...parents.map((name) => ({ text: `uses a container of "${name}", which is made anew` })),
    ...cutOff(container),
    ...missingNetworks(service, container, input.networkIds),
    ...missingVolumes(service, container, input.volumeNames),
  ];
}

/** The hash is another. */
export const CONFIGURATION_CHANGED = "configuration changed";

function configurationChanged(container: ServiceContainer, service: NamedService): Reason {
  const label = container.labels[ATTRIBUTES_LABEL];
  const changes = label === undefined ? undefined : changedAttributes(label, service);
  return {
    text: CONFIGURATION_CHANGED,
    ...(changes === undefined || changes.length === 0 ? {} : { changes }),
  };
}

function imageChanged({ imageDigest }: ServiceContainer, digest: string | undefined): Reason[] {
  if (digest === undefined || imageDigest === digest) return [];
  // Docker Compose 1 did not.
  if (imageDigest === "") return [{ text: "does not say which image it was made of" }];
  return [
    {
      text: "image changed",
      changes: [{ attribute: "image id", kind: "changed", old: imageDigest, new: digest }],
    },
  ];
}

/** Only of those that run: the others have no networks. */
function missingNetworks(
  service: NamedService,
  { state, summary }: ServiceContainer,
  ids: ReadonlyMap<string, string>,
): Reason[] {
  if (state !== "running") return [];
  const joined = new Set(Object.values(summary.NetworkSettings?.Networks ?? {}).map((one) => one.NetworkID));
  const missing = Object.keys(service.networks ?? {}).filter(
    (key) => ids.has(key) && !joined.has(ids.get(key)!),
  );
  return missing.map((key) => ({ text: `not on network "${key}"` }));
}

function missingVolumes(
  service: NamedService,
  { summary }: ServiceContainer,
  names: ReadonlyMap<string, string>,
): Reason[] {
  const mounted = new Set(
    (summary.Mounts ?? []).filter(({ Type }) => Type === "volume").map(({ Name }) => Name),
  );
  const missing = (service.volumes ?? []).flatMap(({ type, source }) => {
    const name = type === "volume" && source ? names.get(source) : undefined;
    return name === undefined || mounted.has(name) ? [] : [source];
  });
  return missing.map((key) => ({ text: `volume "${key}" is not mounted` }));
}
