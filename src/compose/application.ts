import { notFound } from "../lib/index.ts";
import type { Engine } from "../sdk/index.ts";
import type { Service } from "./model/index.ts";
import type { Project } from "./project/index.ts";

/** A project on an engine: what every operation works on. */
export interface Application {
  readonly engine: Engine;
  readonly project: Project;
  readonly report: Reporter;
  /** Nothing is changed; what would be is reported as if it had been. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
}

/** One line of progress, updated in place by its id: `Container shop-web-1`, `Network shop_default`, `web` (a pull). */
export interface Progress {
  readonly id: string;
  readonly parent?: string;
  readonly status: "working" | "done" | "warning" | "error";
  /** Docker Compose's words: Creating, Created, Starting, Started, Waiting, Healthy, Exited, Stopping, Stopped, … */
  readonly text: string;
  readonly detail?: string;
  readonly current?: number;
  readonly total?: number;
}

/** Who shows what happens. */
export interface Reporter {
  progress(progress: Progress): void;
  warn(message: string): void;
}

/** A service with its name, for those who are given one without its project. */
export type NamedService = Service & { readonly name: string };

/** @throws NotFound `no such service: web`. Disabled services (of profiles that are not enabled) count too. */
export function serviceNamed(project: Project, name: string): NamedService {
  const table = Object.hasOwn(project.services, name) ? project.services : project.disabled;
  if (!Object.hasOwn(table, name)) throw notFound(`no such service: ${name}`);
  return { ...table[name]!, name };
}
