import type { Dependency, ProjectNetwork, Service } from "../../model/index.ts";
import type { Lookup } from "../env/template.ts";
import type { Table } from "../project.ts";
import { cleaned } from "../short/volume.ts";

/** A project while it is being completed: the values of the merged tree. */
export interface Draft {
  services: Table<Service>;
  networks: Table<ProjectNetwork | null>;
  volumes: Table<{ name?: string; external?: boolean } | null>;
  secrets: Table<{ name?: string; external?: boolean }>;
  configs: Table<{ name?: string; external?: boolean }>;
}

/**
 * Adds what goes without saying: the `default` network where a service uses it, names of resources, dependencies that
 * follow from other attributes, values of build arguments that were only named.
 *
 * @param lookup none: build arguments stay as they are.
 */
export function normalize(draft: Draft, project: string, lookup?: Lookup): void {
  for (const service of Object.values(draft.services)) {
    joinDefaultNetwork(service);
    if (service.pull_policy === "if_not_present") service.pull_policy = "missing";
    normalizeBuild(service, lookup);
    normalizeMounts(service);
    // A variable that is empty leaves a server out.
    if (Array.isArray(service.dns)) service.dns = service.dns.filter((server) => server !== "");
    addDependencies(service);
    for (const hook of objects(service.pre_start))
      if (service.image !== undefined) hook.image ??= service.image;
  }
  const usesDefault = Object.values(draft.services).some(({ networks }) =>
    Object.hasOwn(networks ?? {}, "default"),
  );
  if (usesDefault && !Object.hasOwn(draft.networks, "default")) draft.networks["default"] = null;
  for (const table of [draft.networks, draft.volumes, draft.secrets, draft.configs])
    nameResources(table, project);
}

function joinDefaultNetwork(service: Service): void {
  if (service.provider !== undefined || service.network_mode !== undefined) return;
  if (Object.keys(service.networks ?? {}).length === 0) service.networks = { default: null as never };
}

function normalizeBuild({ build }: Service, lookup: Lookup | undefined): void {
  if (!isObject(build)) return;
  build.context ??= ".";
  if (build.dockerfile_inline === undefined) build.dockerfile ??= "Dockerfile";
  if (lookup === undefined) return;
  if (Array.isArray(build.args)) {
    // As they are written, where variables are left in.
    build.args = build.args.filter((arg: string) => arg.includes("=")) as never;
    return;
  }
  for (const [name, value] of Object.entries(build.args ?? {})) {
    if (value !== null) continue;
    const found = lookup(name);
    if (found === undefined) delete build.args![name];
    else build.args![name] = found;
  }
}

function normalizeMounts(service: Service): void {
  for (const volume of objects(service.volumes)) if (volume.target) volume.target = cleaned(volume.target);
  for (const secret of objects(service.secrets)) secret.target ??= `/run/secrets/${secret.source}`;
  for (const device of objects(service.devices)) device.target ??= device.source;
  const requests = [...objects(service.gpus), ...objects(service.deploy?.resources?.reservations?.devices)];
  for (const request of requests) {
    if (request.count === undefined && request.device_ids === undefined) request.count = -1;
  }
}

/** Where variables were left in, a text may stand for an item that it will become. */
function isObject<T extends object>(value: T | undefined): value is T {
  return typeof value === "object" && value !== null;
}
const objects = <T extends object>(items: readonly T[] | undefined): T[] =>
  Array.isArray(items) ? items.filter(isObject) : [];

/** `links`, shared namespaces and `volumes_from` need the other service first. */
function addDependencies(service: Service): void {
  const depend = (on: string, restart: boolean) => {
    service.depends_on ??= Object.create(null) as Table<Dependency>;
    if (Object.hasOwn(service.depends_on, on)) return;
    service.depends_on[on] = { condition: "service_started", restart, required: true };
  };
  for (const link of service.links ?? []) {
    const parts = link.split(":");
    depend(parts.length === 2 ? parts[0]! : link, true);
  }
  for (const mode of [service.network_mode, service.ipc, service.pid, service.uts, service.cgroup]) {
    if (mode?.startsWith("service:")) depend(mode.slice("service:".length), true);
  }
  for (const from of service.volumes_from ?? []) {
    if (!from.startsWith("container:")) depend(from.split(":", 1)[0]!, false);
  }
}

/** What has no name of its own is named by its key: as it is when somebody else made it, else with the project's name before it. */
function nameResources(table: Table<{ name?: string; external?: boolean } | null>, project: string): void {
  for (const [key, resource] of Object.entries(table)) {
    const named = resource ?? Object.create(null);
    named.name ??= named.external === true ? key : `${project}_${key}`;
    table[key] = named;
  }
}
