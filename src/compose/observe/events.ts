import type { Engine } from "../../sdk/index.ts";
import type { EventMessage } from "../../wire/index.ts";
import { LABEL, projectFilter } from "../labels.ts";

/** Something that happened to a container of a service. */
export interface ProjectEvent {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly service: string;
  readonly container: string;
  readonly action: string;
  /** Without Compose's own labels. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ProjectEventsOptions {
  readonly services?: readonly string[];
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Compose's own labels, which are of no interest. */
const OWN = /^(com\.docker|dev\.berth)\.compose\./;

/** What happens to a project's containers; those of `run` are no service's. */
export async function* projectEvents(
  engine: Engine,
  project: string,
  { services = [], ...when }: ProjectEventsOptions,
): AsyncGenerator<ProjectEvent, void> {
  const filters = { ...projectFilter(project), type: ["container"] };
  for await (const line of await engine.system.eventLines({ ...when, filters })) {
    const { Type, Action, Actor, time } = JSON.parse(line) as EventMessage;
    const labels = Actor.Attributes ?? {};
    const service = labels[LABEL.service] ?? "";
    if (Type !== "container" || labels[LABEL.oneoff] === "True") continue;
    if (services.length > 0 && !services.includes(service)) continue;
    yield {
      // JavaScript's numbers keep too few digits of it.
      time: BigInt(/"timeNano":\s*(\d+)/.exec(line)?.[1] ?? `${time}000000000`),
      service,
      container: Actor.ID,
      action: Action,
      attributes: Object.fromEntries(Object.entries(labels).filter(([key]) => !OWN.test(key))),
    };
  }
}
