import { conflict, notFound } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL, projectFilter } from "../labels.ts";

export interface ListOptions {
  /** Stopped ones too. */
  readonly all?: boolean;
  /** Those of `run`; left out unless told. */
  readonly oneOff?: "include" | "exclude";
  /** Only of these services; of all where there are none. */
  readonly services?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** A project's containers by its labels, sorted by name. */
export async function projectContainers(
  engine: Engine,
  project: string,
  { all = false, oneOff = "exclude", services = [], signal }: ListOptions = {},
): Promise<ContainerSummary[]> {
  const listed = await engine.containers.list({ all, filters: projectFilter(project), signal });
  return listed
    .filter((container) => isOf(container, services) && (oneOff === "include" || !isOneOff(container)))
    .sort(byName);
}

/**
 * One container of a service: the one with this number, else the first that was not made by `run`.
 * @throws where there is none: `service "web" is not running`.
 */
export async function serviceContainer(
  engine: Engine,
  project: string,
  service: string,
  { index = 0, ...options }: Omit<ListOptions, "services"> & { readonly index?: number },
): Promise<ContainerSummary> {
  const found = await projectContainers(engine, project, { ...options, services: [service] });
  const numbered = found.filter(({ Labels }) => index === 0 || numberOf(Labels) === index);
  const chosen = numbered.find((container) => !isOneOff(container)) ?? numbered[0];
  if (chosen !== undefined) return chosen;
  const which = index === 0 ? "" : ` container #${index}`;
  throw conflict(`service ${JSON.stringify(service)} is not running${which}`);
}

/** The container's own name: those that other containers gave by links have a slash inside. */
export function canonicalName({ Names, Id }: ContainerSummary): string {
  const plain = Names.map((name) => name.replace(/^\//, ""));
  return plain.find((name) => !name.includes("/")) ?? plain[0] ?? Id.slice(0, 12);
}

/** `web-1` for `shop-web-1`; a name of the service's own choice stays. */
export function shortName(name: string, labels: Readonly<Record<string, string>> | null | undefined): string {
  const project = labels?.[LABEL.project] ?? "";
  const usual = `${labels?.[LABEL.service] ?? ""}-${labels?.[LABEL.containerNumber] ?? ""}`;
  return project !== "" && name === `${project}-${usual}` ? usual : name;
}

export const serviceOf = ({ Labels }: ContainerSummary): string => Labels?.[LABEL.service] ?? "";

export const isOneOff = ({ Labels }: ContainerSummary): boolean => Labels?.[LABEL.oneoff] === "True";

/** @throws NotFound `no such service: x` where a service is none of these. */
export function checkServices(services: readonly string[], known: readonly string[]): void {
  const missing = services.find((service) => !known.includes(service));
  if (missing !== undefined) throw notFound(`no such service: ${missing}`);
}

function numberOf(labels: Readonly<Record<string, string>> | null | undefined): number {
  return Number(labels?.[LABEL.containerNumber] ?? 0);
}

function isOf(container: ContainerSummary, services: readonly string[]): boolean {
  return services.length === 0 || services.includes(serviceOf(container));
}

function byName(a: ContainerSummary, b: ContainerSummary): number {
  const [left, right] = [canonicalName(a), canonicalName(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
