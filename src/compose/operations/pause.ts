import type { Application } from "../application.ts";
import { containersOf } from "./applies-to.ts";
import { ContainerActions } from "./container-actions.ts";
import { allSettled } from "./in-order.ts";

/** Halts the processes of containers that run. */
export async function pause(app: Application, services: readonly string[] = []): Promise<void> {
  const containers = await containersOf(app, services, { all: false });
  const actions = new ContainerActions(app);
  await allSettled(containers.map((container) => actions.pause(container)));
}

export async function unpause(app: Application, services: readonly string[] = []): Promise<void> {
  const containers = await containersOf(app, services, { all: false });
  const actions = new ContainerActions(app);
  await allSettled(containers.map((container) => actions.unpause(container)));
}
