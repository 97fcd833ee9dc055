import { LABEL } from "../labels.ts";
import type { Dependency, Service } from "../model/index.ts";
import { findCycle, type Project, type Table } from "../project/index.ts";
import { mapping } from "../project/yaml/node.ts";
import { IMPLICIT } from "../project/yaml/source.ts";
import type { ProjectState, ServiceContainer } from "./state.ts";

/**
 * A project as it is on the engine, for commands without a file (`-p shop down`): made from labels. Services that
 * are needed but gone are needed no more.
 */
export function projectFromState(name: string, state: ProjectState): Project {
  const services: Table<Service> = Object.create(null);
  const own = state.containers.filter(({ oneOff }) => !oneOff);
  for (const container of own) services[container.service] ??= serviceOf(container);
  for (const service of Object.values(services)) {
    for (const dependency of Object.keys(service.depends_on ?? {})) {
      if (!Object.hasOwn(services, dependency)) delete service.depends_on![dependency];
    }
  }
  breakCircles(services);
  for (const { service } of own) services[service]!.scale = (services[service]!.scale ?? 0) + 1;

  const labels = own.find((one) => one.labels[LABEL.workingDirectory] !== undefined)?.labels ?? {};
  const files = labels[LABEL.configFiles]?.split(",") ?? [];
  return {
    name,
    directory: labels[LABEL.workingDirectory] ?? "",
    files: files.filter((file) => file !== ""),
    envFiles: labels[LABEL.environmentFile]?.split(",") ?? [],
    environment: new Map(Object.entries(process.env as Record<string, string>)),
    profiles: [],
    services,
    disabled: Object.create(null),
    networks: byKey(state.networks, LABEL.network),
    volumes: byKey(state.volumes, LABEL.volume),
    secrets: Object.create(null),
    configs: Object.create(null),
    models: Object.create(null),
    extensions: {},
    tree: mapping(new Map(), { source: IMPLICIT, offset: 0 }),
  };
}

/** Containers that were made at different times may say that they wait for one another. */
function breakCircles(services: Table<Service>): void {
  for (let circle = findCycle(services); circle !== undefined; circle = findCycle(services)) {
    delete services[circle[0]!]!.depends_on![circle[1]!];
  }
}

function serviceOf(container: ServiceContainer): Service {
  const dependencies = container.dependsOn.map(({ service, condition, restart }) => [
    service,
    { condition: knownCondition(condition), restart, required: false },
  ]);
  return {
    image: container.summary.Image,
    labels: { ...container.labels },
    ...(dependencies.length === 0 ? {} : { depends_on: Object.fromEntries(dependencies) }),
  };
}

const CONDITIONS: readonly string[] = [
  "service_started",
  "service_healthy",
  "service_completed_successfully",
];

/** Whatever else is written there is taken for the least. */
function knownCondition(text: string): Dependency["condition"] {
  return CONDITIONS.includes(text) ? (text as Dependency["condition"]) : "service_started";
}

/** What bears the name that it has in the Compose file; it is all that is left to know of it. */
function byKey<
  T extends { readonly Name: string; readonly Labels?: Readonly<Record<string, string>> | null },
>(resources: readonly T[], label: string): Table<{ name: string }> {
  const table: Table<{ name: string }> = Object.create(null);
  for (const { Name, Labels } of resources) {
    const key = Labels?.[label];
    if (key !== undefined) table[key] = { name: Name };
  }
  return table;
}
