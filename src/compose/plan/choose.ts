import { notFound } from "../../lib/index.ts";
import type { Service } from "../model/index.ts";
import { type Project, selectServices, type Table } from "../project/index.ts";

/** Which part of a project an operation is about. */
export interface Choice {
  /** None: all that are enabled. */
  readonly services?: readonly string[] | undefined;
  /** Without those that they depend on. */
  readonly noDeps?: boolean | undefined;
  readonly scale?: Readonly<Record<string, number>> | undefined;
}

/**
 * The project with the chosen services and those they depend on, scaled as told. Dependencies on what is not in it are
 * gone.
 *
 * @throws NotFound `no such service: web`.
 */
export function chosenProject(project: Project, { services = [], noDeps, scale = {} }: Choice): Project {
  const selected = services.length === 0 ? project : selectServices(project, services, true);
  const only = services.length > 0 && noDeps === true ? new Set(services) : undefined;
  const enabled: Table<Service> = Object.create(null);
  const disabled: Table<Service> = Object.assign(Object.create(null), selected.disabled);
  for (const [name, service] of Object.entries(selected.services)) {
    (only === undefined || only.has(name) ? enabled : disabled)[name] = service;
  }
  for (const [name, count] of Object.entries(scale)) {
    if (!Object.hasOwn(enabled, name)) throw notFound(`no such service: ${name}`);
    enabled[name] = scaled(enabled[name]!, count);
  }
  for (const [name, service] of Object.entries(enabled)) enabled[name] = withDependenciesIn(enabled, service);
  return { ...selected, services: enabled, disabled };
}

function scaled(service: Service, scale: number): Service {
  const { deploy } = service;
  if (deploy?.replicas === undefined) return { ...service, scale };
  return { ...service, scale, deploy: { ...deploy, replicas: scale } };
}

function withDependenciesIn(services: Table<Service>, service: Service): Service {
  const dependencies = Object.entries(service.depends_on ?? {});
  const there = dependencies.filter(([name]) => Object.hasOwn(services, name));
  return there.length === dependencies.length
    ? service
    : { ...service, depends_on: Object.fromEntries(there) };
}
