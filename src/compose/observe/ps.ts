import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL } from "../labels.ts";
import { canonicalName, type ListOptions, projectContainers } from "./containers.ts";

/** A container as `ps` shows it. */
export interface ContainerEntry {
  readonly summary: ContainerSummary;
  readonly name: string;
  readonly project: string;
  readonly service: string;
  /** Of one that runs and has a health check: `starting`, `healthy`, `unhealthy`; else empty. */
  readonly health: string;
  /** Of one that has ended; else 0. */
  readonly exitCode: number;
  readonly publishers: readonly Publisher[];
}

export interface Publisher {
  readonly URL: string;
  readonly TargetPort: number;
  readonly PublishedPort: number;
  readonly Protocol: string;
}

/** The containers of a project. One call: health and exit code stand in what the engine says of the status. */
export async function ps(engine: Engine, project: string, options: ListOptions): Promise<ContainerEntry[]> {
  return (await projectContainers(engine, project, options)).map(entryOf);
}

export function entryOf(summary: ContainerSummary): ContainerEntry {
  const { Labels, Ports, State, Status } = summary;
  return {
    summary,
    name: canonicalName(summary),
    project: Labels?.[LABEL.project] ?? "",
    service: Labels?.[LABEL.service] ?? "",
    health: State === "running" ? healthOf(Status) : "",
    exitCode: State === "exited" || State === "dead" ? Number(/^Exited \((\d+)\)/.exec(Status)?.[1] ?? 0) : 0,
    publishers: [...(Ports ?? [])]
      .sort((a, b) => a.PrivatePort - b.PrivatePort)
      .map(({ IP = "", PrivatePort, PublicPort = 0, Type }) => ({
        URL: IP,
        TargetPort: PrivatePort,
        PublishedPort: PublicPort,
        Protocol: Type,
      })),
  };
}

/** From `Up 2 minutes (healthy)`, `… (health: starting)`. */
function healthOf(status: string): string {
  return /\((?:health: )?(starting|healthy|unhealthy)\)$/.exec(status)?.[1] ?? "";
}
