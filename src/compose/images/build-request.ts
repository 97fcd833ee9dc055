import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { invalidParameter, notImplemented } from "../../lib/index.ts";
import type { BuildOptions, BuildSecret } from "../../sdk/index.ts";
import type { Ulimit } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";
import { COMPOSE_VERSION } from "../create/labels.ts";
import { LABEL } from "../labels.ts";
import type { Build, FileMount } from "../model/index.ts";
import type { Project } from "../project/index.ts";
import { imageName } from "./names.ts";
import { buildPlatforms } from "./platforms.ts";

/** What a command says of the builds of all services. */
export interface BuildFlags {
  readonly noCache?: boolean | undefined;
  readonly pull?: boolean | undefined;
  /** Push what has an `image`. */
  readonly push?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** `NAME=value`, or `NAME`, whose value is that of the environment. They win over those of the files. */
  readonly args?: readonly string[] | undefined;
  readonly memoryBytes?: number | undefined;
  /** `default`, or `id=path`. */
  readonly ssh?: string | undefined;
  readonly provenance?: string | undefined;
  readonly sbom?: string | undefined;
  /** Only look for what is wrong with the Dockerfiles. */
  readonly check?: boolean | undefined;
  /** The image is to run here: it is built for one platform. */
  readonly single?: boolean | undefined;
}

/** Contexts that are images of other services begin with this. */
const SERVICE = "service:";

/** The services whose images a build starts from (`additional_contexts: {base: service:base}`). */
export function contextServices(build: Build | undefined): string[] {
  return Object.values(build?.additional_contexts ?? {}).flatMap((place) =>
    place.startsWith(SERVICE) ? [place.slice(SERVICE.length)] : [],
  );
}

/**
 * What the engine is asked for to build a service's image.
 *
 * @throws InvalidParameter, NotImplemented naming the service and what cannot be done.
 */
export function buildRequest(
  app: Pick<Application, "project" | "signal">,
  service: NamedService,
  flags: BuildFlags = {},
): BuildOptions {
  const { project } = app;
  const build = service.build!;
  refuse(service.name, build, flags);
  const image = imageName(project.name, service);
  const context = build.context ?? project.directory;
  const memory = flags.memoryBytes;
  const secrets = (build.secrets ?? []).map((mount) => buildSecret(project, service.name, mount));
  const ssh = sshKeys(build, flags.ssh);
  const builder = builderOf(project, secrets.length + ssh.length > 0);
  return {
    context,
    ...dockerfileOf(context, build),
    tags: [...new Set([image, ...(build.tags ?? [])])],
    ...(build.target && { target: build.target }),
    args: buildArguments(project, build, flags.args ?? []),
    labels: {
      ...build.labels,
      [LABEL.version]: COMPOSE_VERSION,
      [LABEL.project]: project.name,
      [LABEL.service]: service.name,
    },
    ...(build.network && { network: build.network }),
    pull: build.pull === true || flags.pull === true,
    noCache: build.no_cache === true || flags.noCache === true,
    noCacheFilter: build.no_cache_filter ?? [],
    cacheFrom: build.cache_from ?? [],
    cacheTo: build.cache_to ?? [],
    platforms: buildPlatforms(project, service, flags.single === true),
    contexts: namedContexts(project, service),
    secrets,
    ssh,
    ...(builder !== undefined && { builder }),
    extraHosts: Object.entries(build.extra_hosts ?? {}).flatMap(([host, addresses]) =>
      addresses.map((address) => `${host}:${address}`),
    ),
    ...(build.shm_size && { shmSizeBytes: build.shm_size }),
    ...(memory && { memoryBytes: memory }),
    ulimits: ulimitsOf(build),
    ...provenanceOf(build, flags),
    push: flags.push === true && Boolean(service.image),
    quiet: flags.quiet === true,
    signal: app.signal,
  };
}

/** What no builder here can do is said before anything is built. */
function refuse(name: string, build: Build, flags: BuildFlags): void {
  const { isolation, privileged, entitlements = [] } = build;
  if (isolation && isolation !== "default") {
    throw notImplemented(
      `service "${name}": build.isolation: "${isolation}" is for Windows: only "default" is supported`,
    );
  }
  const insecure = entitlements.includes("security.insecure");
  if (privileged === true || insecure) {
    const attribute = insecure ? "entitlements: security.insecure" : "privileged";
    throw notImplemented(
      `service "${name}": build.${attribute} is not supported: no step of a build gets the powers of the machine`,
    );
  }
  const unknown = entitlements.find((one) => one !== "network.host");
  if (unknown !== undefined)
    throw invalidParameter(`service "${name}": build.entitlements: unknown entitlement "${unknown}"`);
  const sbom = flags.sbom || build.sbom || "false";
  if (!/^(false|0|f|no)$/i.test(sbom)) {
    throw notImplemented(
      `service "${name}": build.sbom is not supported: the engine makes no list of contents`,
    );
  }
}

/** Whether a context is fetched by the engine: a repository, or a file of the web. */
export function isRemoteContext(context: string): boolean {
  return (
    context.includes("://") || (/^git@|^github\.com\/|\.git(#.*)?$/.test(context) && !existsSync(context))
  );
}

/** A path of this machine is said in full; its folder may be a link. */
function dockerfileOf(context: string, build: Build): Pick<BuildOptions, "dockerfile" | "dockerfileInline"> {
  if (build.dockerfile_inline !== undefined) return { dockerfileInline: build.dockerfile_inline };
  const { dockerfile } = build;
  if (!dockerfile) return {};
  if (isRemoteContext(context)) return { dockerfile };
  const path = isAbsolute(dockerfile) ? dockerfile : join(context, dockerfile);
  const folder = dirname(path);
  return { dockerfile: existsSync(folder) ? join(realpathSync(folder), basename(path)) : path };
}

/** Those of the files, then those of the command; a name alone takes its value from the environment, or is left out. */
function buildArguments(project: Project, build: Build, given: readonly string[]): Record<string, string> {
  const own = given.map((pair): [string, string | null] => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, null] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  const args: Record<string, string> = Object.create(null);
  for (const [name, value] of [...Object.entries(build.args ?? {}), ...own]) {
    const found = value ?? project.environment.get(name);
    if (found === undefined) delete args[name];
    else args[name] = found;
  }
  return args;
}

/** The image of another service is a context like any image. */
function namedContexts(project: Project, service: NamedService): Record<string, string> {
  const contexts: Record<string, string> = Object.create(null);
  for (const [name, place] of Object.entries(service.build?.additional_contexts ?? {})) {
    contexts[name] = place.startsWith(SERVICE)
      ? `docker-image://${contextImage(project, service.name, name, place.slice(SERVICE.length))}`
      : place;
  }
  return contexts;
}

function contextImage(project: Project, service: string, context: string, other: string): string {
  const found = project.services[other] ?? project.disabled[other];
  if (found === undefined) {
    throw invalidParameter(
      `service "${service}": build.additional_contexts.${context}: no such service: ${other}`,
    );
  }
  return imageName(project.name, { ...found, name: other });
}

/** What `build.secrets` asks for and no builder here does. */
export function ignoredOfBuild(service: NamedService): string[] {
  const mounts = service.build?.secrets ?? [];
  return (["uid", "gid", "mode"] as const)
    .filter((field) => mounts.some((mount) => mount[field] !== undefined))
    .map(
      (field) =>
        `service "${service.name}": build.secrets.${field} is not honoured: \`RUN --mount=type=secret\` says who may read a secret`,
    );
}

function buildSecret(project: Project, service: string, { source, target }: FileMount): BuildSecret {
  const secret = project.secrets[source];
  const id = target || source;
  if (secret?.environment) return { id, value: project.environment.get(secret.environment) ?? "" };
  if (secret?.file) return { id, file: secret.file };
  if (secret?.content !== undefined) return { id, value: secret.content };
  throw invalidParameter(
    `service "${service}": build.secrets: the content of secret "${source}" is not known here: it needs "file" or "environment"`,
  );
}

function sshKeys(build: Build, flag: string | undefined): string[] {
  const keys = Object.entries(build.ssh ?? {}).map(([id, path]) => (path ? `${id}=${path}` : id));
  if (flag === undefined) return keys;
  if (flag !== "default" && !flag.includes("=")) throw invalidParameter(`invalid ssh key "${flag}"`);
  return [...keys.filter((key) => key.split("=", 1)[0] !== flag.split("=", 1)[0]), flag];
}

/** The builder that an engine prefers, unless the environment says or the build needs the one that can be asked back. */
function builderOf(project: Project, asksBack: boolean): BuildOptions["builder"] {
  if (project.environment.get("DOCKER_BUILDKIT") === "0") return "classic";
  return asksBack ? "buildkit" : undefined;
}

function ulimitsOf(build: Build): Ulimit[] {
  return Object.entries(build.ulimits ?? {}).map(([Name, { single, soft, hard }]) => ({
    Name,
    Soft: single ?? soft ?? 0,
    Hard: single ?? hard ?? 0,
  }));
}

/** A command's word wins over the file's. */
function provenanceOf(build: Build, flags: BuildFlags): Pick<BuildOptions, "provenance"> {
  const provenance = flags.provenance || build.provenance;
  return provenance ? { provenance } : {};
}
