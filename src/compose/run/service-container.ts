import { conflict } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import { LABEL } from "../labels.ts";
import { serviceContainer } from "../state/container.ts";
import type { ServiceContainer } from "../state/index.ts";

/** Which of a service's containers is meant. */
export interface ContainerChoice {
  /** Its number, from 1; undefined or 0: the first. */
  readonly index?: number | undefined;
  /** Stopped ones too. */
  readonly all?: boolean | undefined;
  /** Those of `run` too, behind the service's own. */
  readonly oneOff?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The containers of one service, by number; those of `run` at the end. */
export async function containersOfService(
  engine: Engine,
  project: string,
  service: string,
  { all = false, oneOff = false, signal }: Omit<ContainerChoice, "index"> = {},
): Promise<ServiceContainer[]> {
  const label = [`${LABEL.project}=${project}`, `${LABEL.service}=${service}`, LABEL.configHash];
  const filters = { label: oneOff ? label : [...label, `${LABEL.oneoff}=False`] };
  const listed = await engine.containers.list({ all, filters, signal });
  return listed
    .map(serviceContainer)
    .sort((a, b) => Number(a.oneOff) - Number(b.oneOff) || a.number - b.number);
}

/** One container of a service. @throws Conflict `service "web" is not running`, with the number where one was given. */
export async function oneOfService(
  engine: Engine,
  project: string,
  service: string,
  { index = 0, ...choice }: ContainerChoice = {},
): Promise<ServiceContainer> {
  const found = await containersOfService(engine, project, service, choice);
  const chosen = index === 0 ? found[0] : found.find(({ number }) => number === index);
  if (chosen !== undefined) return chosen;
  const which = index === 0 ? "" : ` container #${index}`;
  throw conflict(`service "${service}" is not running${which}`);
}
