import type { Filters } from "../sdk/index.ts";
import type { NamedService } from "./application.ts";

/** Docker Compose's labels: by them both tools know each other's containers, networks and volumes. */
export const LABEL = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  containerNumber: "com.docker.compose.container-number",
  /** `True` for the containers of `run`, else `False`. */
  oneoff: "com.docker.compose.oneoff",
  configHash: "com.docker.compose.config-hash",
  /** Absolute paths, joined by commas. */
  configFiles: "com.docker.compose.project.config_files",
  workingDirectory: "com.docker.compose.project.working_dir",
  environmentFile: "com.docker.compose.project.environment_file",
  version: "com.docker.compose.version",
  /** `db:service_healthy:false,…`: service, condition, and whether it restarts with it. */
  dependsOn: "com.docker.compose.depends_on",
  /** The image's digest: when it changes, the container is made anew. */
  image: "com.docker.compose.image",
  /** The name of the container whose place this one takes. */
  replace: "com.docker.compose.replace",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
  /** Of containers of `run`. */
  slug: "com.docker.compose.slug",
  /** Of containers that run a service's `pre_start` hooks: `pre_start`. */
  hook: "com.docker.compose.hook",
} as const;

/**
 * berth's own label: the attributes a container was made with, so that `--plan` and `why` can name what changed.
 * No part of the configuration hash. See `plan/attributes.ts`.
 */
export const ATTRIBUTES_LABEL = "dev.berth.compose.attributes";

/** Everything that belongs to a project. */
export const projectFilter = (project: string): Filters => ({ label: [`${LABEL.project}=${project}`] });

/** `shop-web-1`, or the name that the service gives. */
export function containerName(project: string, service: NamedService, number: number): string {
  return service.container_name || `${project}-${service.name}-${number}`;
}
