import { kindOf } from "../../lib/index.ts";
import type { Application, NamedService } from "../application.ts";
import { createRequest } from "../create/index.ts";
import { type ImagePlan, imageName } from "../images/index.ts";
import { compareContainer } from "../plan/compare.ts";
import {
  CONFIGURATION_CHANGED,
  type ContainerStep,
  type ContainersPlan,
  restartingWith,
} from "../plan/containers.ts";
import type { ActionKind, AttributeChange, PlannedAction, Reason } from "../plan/index.ts";
import type { NetworkPlan } from "../resources/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import type { LiveContainers } from "./live-containers.ts";
import type { UpOptions } from "./options.ts";

/** What is planned around the containers. */
export interface PlannedAround {
  readonly app: Application;
  readonly live: LiveContainers;
  readonly images: ImagePlan;
  readonly networks: readonly NetworkPlan[];
  readonly options: UpOptions;
}

/** The plan of the containers as it is told, each with what made it necessary. */
export async function plannedContainers(
  around: PlannedAround,
  plan: ContainersPlan,
): Promise<PlannedAction[]> {
  const restarts = restartReasons(plan, around);
  const actions = plan.services.flatMap(({ service, steps }) =>
    steps.map((step) => actionOf(around, service, step, restarts)),
  );
  return Promise.all(actions);
}

export const containerAction = (
  kind: ActionKind,
  { name, service }: ServiceContainer,
  why: readonly Reason[],
): PlannedAction => ({ kind, what: `Container ${name}`, service, why });

export const isOnOne = ({ summary }: ServiceContainer, networks: readonly (string | undefined)[]): boolean =>
  Object.values(summary.NetworkSettings?.Networks ?? {}).some(({ NetworkID }) =>
    networks.includes(NetworkID),
  );

/** Why kept containers restart, by their ids. */
function restartReasons(plan: ContainersPlan, { networks, live }: PlannedAround): Map<string, Reason[]> {
  const reasons = new Map<string, Reason[]>();
  const add = (id: string, text: string) => reasons.set(id, [...(reasons.get(id) ?? []), { text }]);
  for (const { container, because } of restartingWith(plan))
    add(container.id, `depends on "${because}", which is made anew`);
  for (const { action, key, found } of networks) {
    if (action !== "recreate") continue;
    for (const one of live.all().filter((container) => isOnOne(container, [found?.Id])))
      add(one.id, `network "${key}" is made anew`);
  }
  return reasons;
}

async function actionOf(
  around: PlannedAround,
  service: NamedService,
  step: ContainerStep,
  restarts: ReadonlyMap<string, readonly Reason[]>,
): Promise<PlannedAction> {
  const { app, live, images, options } = around;
  if (step.kind === "create")
    return { kind: "create", what: `Container ${step.name}`, service: service.name, why: step.why };
  const { container } = step;
  if (step.kind === "recreate")
    return containerAction("recreate", container, await explained(app, service, step, live));
  if (step.kind === "remove") return containerAction("remove", container, step.why);
  const image = imageName(app.project.name, service);
  const renewed = [...images.pulls, ...images.builds].some((one) => one.image === image);
  const unless = renewed ? [{ text: `made anew if "${image}" is another image then` }] : [];
  if (container.state !== "running" && options.noStart !== true)
    return containerAction("start", container, [{ text: `is ${container.state}` }, ...unless]);
  const restart = restarts.get(container.id) ?? [];
  return containerAction(restart.length > 0 ? "restart" : "keep", container, [...restart, ...unless]);
}

/**
 * A container of another tool does not say what it was made with, and none says everything: then what the engine tells of
 * it is compared.
 */
async function explained(
  app: Application,
  service: NamedService,
  { container, why: reasons }: Extract<ContainerStep, { kind: "recreate" }>,
  live: LiveContainers,
): Promise<readonly Reason[]> {
  const index = reasons.findIndex(
    ({ text, changes }) => text === CONFIGURATION_CHANGED && !tellsAll(changes),
  );
  if (index < 0) return reasons;
  const reason = reasons[index]!;
  const compared = await compareWithEngine(app, service, container, live);
  const changes = reason.changes?.map(
    (own) => compared.find(({ attribute }) => attribute === own.attribute) ?? own,
  );
  const told = changes ?? compared;
  return reasons.with(index, { ...reason, ...(told.length === 0 ? {} : { changes: told }) });
}

const tellsAll = (changes: readonly AttributeChange[] | undefined): boolean =>
  changes?.every((one) => one.old !== undefined || one.new !== undefined || one.attribute.includes(".")) ===
  true;

async function compareWithEngine(
  app: Application,
  service: NamedService,
  { id, name, number }: ServiceContainer,
  live: LiveContainers,
): Promise<AttributeChange[]> {
  const { engine } = app;
  const old = await engine.containers.inspect(id);
  const [{ request, files }, image] = await Promise.all([
    createRequest({
      app,
      service,
      number,
      name,
      hash: "",
      previous: old,
      containersOf: (other) => live.of(other),
    }),
    engine.images.inspect(old.Image).catch((error: unknown) => {
      if (kindOf(error) === "NotFound") return undefined;
      throw error;
    }),
  ]);
  const { HostConfig, NetworkingConfig: _, ...config } = request;
  return compareContainer(
    old,
    { config, host: HostConfig ?? {}, copied: new Set(files.map(({ target }) => target)) },
    image?.Config ?? undefined,
  );
}
