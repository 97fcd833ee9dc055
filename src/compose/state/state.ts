import type { ContainerSummary, Network, Volume } from "../../wire/index.ts";

/** A container of a project, as a list call tells it. */
export interface ServiceContainer {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  readonly service: string;
  /** From 1; 0 for those of `run`. */
  readonly number: number;
  /** Made by `run`. */
  readonly oneOff: boolean;
  readonly state: ContainerSummary["State"];
  /** `healthy`, `unhealthy`, `starting`; undefined where nothing checks. */
  readonly health?: string;
  /** Of a container that has ended. */
  readonly exitCode?: number;
  /** The configuration hash that it was made with. */
  readonly hash: string;
  /** The id of its image. */
  readonly imageDigest: string;
  readonly dependsOn: readonly ServiceDependency[];
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: ContainerSummary;
  /** Made just now, with its secrets and configs as they are. */
  readonly justMade?: boolean;
}

/** What the label `com.docker.compose.depends_on` says. */
export interface ServiceDependency {
  readonly service: string;
  readonly condition: string;
  readonly restart: boolean;
}

/** All that the engine has of a project. */
export interface ProjectState {
  readonly containers: readonly ServiceContainer[];
  /** Containers that ran `pre_start` commands and were kept because they failed. */
  readonly hookContainers: readonly ContainerSummary[];
  readonly networks: readonly Network[];
  readonly volumes: readonly Volume[];
}
