import { messageOf as textOf } from "../../lib/index.ts";
import type { Application, NamedService } from "../application.ts";
import { createContainer, type ImageIdOf, resolveService } from "../create/index.ts";
import type { ImageFacts } from "../images/index.ts";
import { ATTRIBUTES_LABEL, containerName, LABEL } from "../labels.ts";
import { attributesOf } from "../plan/attributes.ts";
import { type ContainersPlan, restartingWith, type ServicePlan } from "../plan/containers.ts";
import { neededToCreate } from "../plan/references.ts";
import { serviceHash } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import type { ContainerActions } from "./container-actions.ts";
import { forService } from "./failures.ts";
import { allSettled, eachInOrder } from "./in-order.ts";
import type { LiveContainers } from "./live-containers.ts";
import { madeContainer } from "./made-container.ts";
import type { CreateOptions } from "./options.ts";

/** What carrying out a plan needs besides it. */
export interface Converging {
  readonly app: Application;
  readonly actions: ContainerActions;
  readonly options: CreateOptions;
  readonly images: ReadonlyMap<string, ImageFacts>;
  /** Images that are mounted. */
  readonly mounted: ImageIdOf;
  /** As they are before; afterwards as they are then. */
  readonly live: LiveContainers;
}

/** Makes, replaces and removes containers as planned, all services at once as far as they don't need one another. */
export async function converge(context: Converging, plan: ContainersPlan): Promise<void> {
  const { app, options } = context;
  const plans = new Map(plan.services.map((one) => [one.service.name, one]));
  const { services } = app.project;
  const stopped = await stopDependents(context, plan);
  for (const { steps } of plan.services)
    for (const step of steps)
      if (step.kind === "keep" && !stopped.has(step.container.id)) tellKept(app, step.container);
  const orphans = options.removeOrphans === true ? plan.orphans : [];
  const before = (name: string) =>
    neededToCreate(services[name]!).filter((other) => other !== name && Object.hasOwn(services, other));
  await allSettled([
    ...orphans.map((container) => removeContainer(context, container, undefined)),
    eachInOrder(
      services,
      (name, signal) => forService(name, () => convergeService(context, plans.get(name)!, signal)),
      { before, signal: app.signal },
    ),
  ]);
}

function tellKept({ report }: Application, { name, state }: ServiceContainer): void {
  if (state === "running") report.progress({ id: `Container ${name}`, status: "done", text: "Running" });
}

/** Those that restart with a service are stopped before its containers are replaced; they are started again after them. */
async function stopDependents(
  { actions, live, options }: Converging,
  plan: ContainersPlan,
): Promise<ReadonlySet<string>> {
  const restarting = restartingWith(plan);
  await allSettled(
    restarting.map(async ({ service, container }) => {
      await actions.stop(container, service, { timeoutSeconds: options.timeoutSeconds });
      live.set({ ...container, state: "exited" });
    }),
  );
  return new Set(restarting.map(({ container }) => container.id));
}

async function convergeService(
  context: Converging,
  { service, steps }: ServicePlan,
  signal: AbortSignal,
): Promise<void> {
  const removals = allSettled(
    steps.flatMap((step) =>
      step.kind === "remove" ? [removeContainer(context, step.container, service)] : [],
    ),
  );
  // Names are free once the others are gone.
  const others = steps.map(async (step) => {
    if (step.kind === "create") await createAnew(context, service, step.number, step.name);
    else if (step.kind === "recreate") await recreate(context, service, step.container, removals, signal);
    else if (step.kind === "keep" && step.rename !== undefined) {
      await removals;
      await rename(context, step.container, step.rename);
    }
  });
  await allSettled([removals, ...others]);
}

async function createAnew(
  context: Converging,
  service: NamedService,
  number: number,
  name: string,
): Promise<void> {
  const { app, actions, live } = context;
  const { report } = app;
  const id = `Container ${name}`;
  report.progress({ id, status: "working", text: "Creating" });
  try {
    live.set(await actions.inTurn(() => makeContainer(context, service, number, name)));
  } catch (error) {
    report.progress({ id, status: "error", text: "Error", detail: textOf(error) });
    throw error;
  }
  report.progress({ id, status: "done", text: "Created" });
}

/**
 * The new container is made beside the old one, under another name, so that nothing is lost where it cannot be made. Then the
 * old one goes, and the new one takes its name.
 */
async function recreate(
  context: Converging,
  service: NamedService,
  old: ServiceContainer,
  removals: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { app, actions, live, options } = context;
  const { engine, report } = app;
  const name = containerName(app.project.name, service, old.number);
  const id = `Container ${name}`;
  report.progress({ id, status: "working", text: "Recreate" });
  try {
    const temporary = `${old.id.slice(0, 12)}_${name}`;
    const made = await actions.inTurn(() => makeContainer(context, service, old.number, temporary, old));
    signal.throwIfAborted();
    const { timeoutSeconds } = options;
    await actions.stopQuietly(old, service, { timeoutSeconds });
    await actions.quietly(() => engine.containers.remove(old.id, { force: true }));
    live.delete(old);
    await removals;
    await actions.quietly(() => engine.containers.rename(made.id, name));
    live.set({ ...made, name });
  } catch (error) {
    report.progress({ id, status: "error", text: "Error", detail: textOf(error) });
    throw error;
  }
  report.progress({ id, status: "done", text: "Recreated" });
}

async function removeContainer(
  { actions, live, options }: Converging,
  container: ServiceContainer,
  service: NamedService | undefined,
): Promise<void> {
  await actions.stop(container, service, { timeoutSeconds: options.timeoutSeconds });
  await actions.remove(container);
  live.delete(container);
}

async function rename(
  { app, actions, live }: Converging,
  container: ServiceContainer,
  name: string,
): Promise<void> {
  await actions.quietly(() => app.engine.containers.rename(container.id, name));
  live.set({ ...container, name });
}

/** Makes one container, with the labels that tell what it was made with. */
async function makeContainer(
  context: Converging,
  service: NamedService,
  number: number,
  name: string,
  old?: ServiceContainer,
): Promise<ServiceContainer> {
  const { app, live, images, mounted, options } = context;
  const containersOf = (other: string) => live.of(other);
  const resolved = resolveService(service, containersOf, mounted);
  const hash = serviceHash(resolved);
  const image = images.get(service.name);
  const labels = {
    [ATTRIBUTES_LABEL]: attributesOf(resolved),
    ...(old === undefined ? {} : { [LABEL.replace]: service.container_name || `${service.name}-${number}` }),
  };
  const previous =
    old !== undefined && hasVolumes(old) ? await app.engine.containers.inspect(old.id) : undefined;
  const { id } = await createContainer({
    app,
    service,
    number,
    name,
    hash,
    labels,
    containersOf,
    renewAnonymousVolumes: options.renewAnonVolumes === true,
    ...(image === undefined ? {} : { imageId: image.digest }),
    ...(previous === undefined ? {} : { previous }),
  });
  return madeContainer({ id, name, service, number, hash, imageDigest: image?.digest ?? "", labels });
}

const hasVolumes = ({ summary }: ServiceContainer): boolean =>
  (summary.Mounts ?? []).some(({ Type }) => Type === "volume");
