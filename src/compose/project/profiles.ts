import { notFound } from "../../lib/index.ts";
import type { Service } from "../model/index.ts";
import type { Project, Table } from "./project.ts";

/** Services without profiles, and those with one of these; `*` enables all. */
export function enabledBy(
  services: Table<Service>,
  profiles: readonly string[],
): { enabled: Table<Service>; disabled: Table<Service> } {
  const enabled: Table<Service> = Object.create(null);
  const disabled: Table<Service> = Object.create(null);
  for (const [name, service] of Object.entries(services)) {
    const own = service.profiles ?? [];
    const chosen =
      own.length === 0 || profiles.includes("*") || own.some((profile) => profiles.includes(profile));
    (chosen ? enabled : disabled)[name] = service;
  }
  return { enabled, disabled };
}

/**
 * The project with only the named services (none: all that are enabled) and those they depend on. Naming a service enables
 * its profiles. Resources that nothing uses are dropped, unless all are wanted.
 *
 * @throws NotFound for a service that the project does not have.
 */
export function selectServices(project: Project, names: readonly string[], allResources: boolean): Project {
  const selected = names.length === 0 ? project : selectNamed(project, names);
  return allResources ? selected : withoutUnused(selected);
}

function selectNamed(project: Project, names: readonly string[]): Project {
  const known = { ...project.services, ...project.disabled };
  const missing = names.find((name) => !Object.hasOwn(known, name));
  if (missing !== undefined) throw notFound(`no such service: ${missing}`);
  const implied = names.flatMap((name) =>
    Object.hasOwn(project.disabled, name) ? (known[name]!.profiles ?? []) : [],
  );
  const profiles = [...project.profiles, ...implied];
  const { enabled } = enabledBy(known, profiles);

  const wanted = new Set<string>();
  const rest = [...names];
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (wanted.has(name) || !Object.hasOwn(enabled, name)) continue;
    wanted.add(name);
    rest.push(...Object.keys(enabled[name]!.depends_on ?? {}));
  }
  const services: Table<Service> = Object.create(null);
  const disabled: Table<Service> = Object.create(null);
  for (const [name, service] of Object.entries(known)) {
    if (wanted.has(name)) services[name] = withDependencies(service, wanted);
    else disabled[name] = service;
  }
  return { ...project, services, disabled, profiles };
}

function withDependencies(service: Service, wanted: ReadonlySet<string>): Service {
  if (service.depends_on === undefined) return service;
  const left = Object.entries(service.depends_on).filter(([name]) => wanted.has(name));
  return { ...service, depends_on: Object.fromEntries(left) };
}

function withoutUnused(project: Project): Project {
  const used = { networks: new Set<string>(), volumes: new Set<string>(), secrets: new Set<string>() };
  const configs = new Set<string>();
  const models = new Set<string>();
  for (const service of Object.values(project.services)) {
    for (const name of Object.keys(service.networks ?? {})) used.networks.add(name);
    for (const { type, source } of service.volumes ?? [])
      if (type === "volume" && source) used.volumes.add(source);
    for (const { source } of [...(service.secrets ?? []), ...(service.build?.secrets ?? [])])
      used.secrets.add(source);
    for (const { source } of service.configs ?? []) configs.add(source);
    for (const name of Object.keys(service.models ?? {})) models.add(name);
  }
  const keep = <T>(table: Table<T>, names: ReadonlySet<string>): Table<T> =>
    Object.fromEntries(Object.entries(table).filter(([name]) => names.has(name)));
  return {
    ...project,
    networks: keep(project.networks, used.networks),
    volumes: keep(project.volumes, used.volumes),
    secrets: keep(project.secrets, used.secrets),
    configs: keep(project.configs, configs),
    models: keep(project.models, models),
  };
}
