import type { ContainerSummary } from "../../wire/index.ts";
import { LABEL } from "../labels.ts";
import type { ServiceContainer, ServiceDependency } from "./state.ts";

/** A container of a list call as one of a service. */
export function serviceContainer(summary: ContainerSummary): ServiceContainer {
  const labels = summary.Labels ?? {};
  const health = summary.Health?.Status ?? healthIn(summary.Status ?? "");
  const exited = /^Exited \((\d+)\)/.exec(summary.Status ?? "");
  return {
    id: summary.Id,
    name: canonicalName(summary),
    service: labels[LABEL.service] ?? canonicalName(summary),
    number: Number.parseInt(labels[LABEL.containerNumber] ?? "", 10) || 0,
    oneOff: labels[LABEL.oneoff] === "True",
    state: summary.State,
    ...(health !== undefined && health !== "none" ? { health } : {}),
    ...(exited === null ? {} : { exitCode: Number(exited[1]) }),
    hash: labels[LABEL.configHash] ?? "",
    imageDigest: labels[LABEL.image] ?? "",
    dependsOn: parseDependsOn(labels[LABEL.dependsOn] ?? ""),
    labels,
    summary,
  };
}

/** Of a container's names its own; the others are links: `/web/db`. */
function canonicalName({ Names, Id }: ContainerSummary): string {
  const own = (Names ?? []).find((name) => name.lastIndexOf("/") <= 0) ?? Names?.[0] ?? Id;
  return own.replace(/^\//, "");
}

/** Engines before API 1.52 tell the health in the status only: `Up 3 minutes (healthy)`. */
function healthIn(status: string): string | undefined {
  return /\((?:health: )?(healthy|unhealthy|starting)\)/.exec(status)?.[1];
}

/** Older versions of Docker Compose wrote less: what they left out counts as they would take it. */
export function parseDependsOn(label: string): ServiceDependency[] {
  const parts = label.split(",").filter((part) => part !== "");
  return parts.map((part) => {
    const [service = "", condition, restart] = part.split(":");
    return {
      service,
      condition: condition ?? "service_started",
      restart: restart === undefined ? true : restart === "true",
    };
  });
}
