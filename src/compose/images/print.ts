import type { Application, NamedService } from "../application.ts";
import { withBuildDependencies } from "./build-order.ts";
import { type BuildFlags, buildRequest, contextServices } from "./build-request.ts";

/** `build --print`: the builds as a file for `docker buildx bake`. */
export function printBuilds(
  app: Application,
  services: readonly NamedService[],
  flags: BuildFlags = {},
): string {
  const wanted = services.filter(({ build }) => build !== undefined);
  const all = withBuildDependencies(app.project, wanted);
  const targets = targetNames(all.map(({ name }) => name));
  const name = (service: NamedService) => targets.get(service.name)!;
  const file = {
    group: { default: { targets: wanted.map(name).sort() } },
    target: Object.fromEntries(
      [...all]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((one) => [name(one), target(app, one, flags, targets)]),
    ),
  };
  return JSON.stringify(file, undefined, 2);
}

/** A target's name has no dots; two services that would share one are told apart. */
function targetNames(services: readonly string[]): Map<string, string> {
  const used = new Set<string>();
  return new Map(
    [...services].sort().map((service) => {
      let name = service.replaceAll(".", "_");
      while (used.has(name)) name += "_";
      used.add(name);
      return [service, name];
    }),
  );
}

function target(
  app: Application,
  service: NamedService,
  flags: BuildFlags,
  targets: ReadonlyMap<string, string>,
): object {
  const request = buildRequest(app, service, flags);
  const { build } = service;
  const bases = new Set(contextServices(build));
  const contexts = Object.entries(request.contexts ?? {}).map(([key, place]) => {
    const base = build?.additional_contexts?.[key]?.replace(/^service:/, "") ?? "";
    return [key, bases.has(base) && targets.has(base) ? `target:${targets.get(base)}` : place];
  });
  const hosts: Record<string, string> = {};
  for (const [host, addresses] of Object.entries(build?.extra_hosts ?? {})) hosts[host] = addresses.join(",");
  return withoutEmpty({
    context: request.context,
    contexts: Object.fromEntries(contexts),
    dockerfile: request.dockerfile,
    "dockerfile-inline":
      request.dockerfileInline === undefined ? undefined : unsubstituted(String(request.dockerfileInline)),
    args: Object.fromEntries(
      Object.entries(request.args ?? {}).map(([key, value]) => [key, unsubstituted(value ?? "")]),
    ),
    labels: request.labels,
    tags: request.tags,
    "cache-from": request.cacheFrom,
    "cache-to": request.cacheTo,
    target: request.target,
    // Where a secret comes from, never what it is.
    secret: (request.secrets ?? []).map(({ id, file }) => {
      const source = (build?.secrets ?? []).find((one) => (one.target || one.source) === id)?.source ?? id;
      const variable = app.project.secrets[source]?.environment;
      return file === undefined
        ? `id=${id},type=env,env=${variable ?? id}`
        : `id=${id},type=file,src=${file}`;
    }),
    ssh: request.ssh,
    platforms: request.platforms,
    pull: request.pull,
    "no-cache": request.noCache,
    network: request.network,
    "no-cache-filter": request.noCacheFilter,
    "shm-size": request.shmSizeBytes === undefined ? undefined : String(request.shmSizeBytes),
    ulimits: (request.ulimits ?? []).map(
      ({ Name, Soft, Hard }) => `${Name}=${Soft === Hard ? Soft : `${Soft}:${Hard}`}`,
    ),
    entitlements: build?.entitlements,
    "extra-hosts": hosts,
    output: flags.check === true ? undefined : [request.push ? "type=registry" : "type=docker"],
    call: flags.check === true ? "lint" : undefined,
    attest: typeof request.provenance === "string" ? attest(request.provenance) : undefined,
  });
}

function attest(provenance: string): string[] {
  if (provenance === "false") return [];
  return [provenance === "true" ? "type=provenance" : `type=provenance,${provenance}`];
}

/** What looks like a variable to bake is none. */
const unsubstituted = (text: string) => text.replaceAll("${", () => "$${");

function withoutEmpty(fields: Readonly<Record<string, unknown>>): object {
  const isEmpty = (value: unknown) =>
    value === undefined ||
    value === false ||
    value === "" ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}
