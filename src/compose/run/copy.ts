import { invalidParameter, notFound } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { containersOfService, oneOfService } from "./service-container.ts";

export interface CopyOptions {
  readonly index?: number;
  /** Into the containers of `run`, too. */
  readonly all?: boolean;
}

/** What `cp` is to do: from one container of a service to this machine, or from here into each of its containers. */
export type CopyPlan =
  | {
      readonly direction: "out";
      readonly container: ServiceContainer;
      readonly from: string;
      /** A path of this machine; `-` is standard output. */
      readonly to: string;
    }
  | {
      readonly direction: "in";
      readonly containers: readonly ServiceContainer[];
      /** A path of this machine; `-` is standard input. */
      readonly from: string;
      readonly to: string;
    };

/**
 * Reads `service:path` and finds the containers that are meant; stopped ones count.
 *
 * @throws InvalidParameter in Docker Compose's words where not exactly one side is a service's.
 */
export async function planCopy(
  engine: Engine,
  project: string,
  source: string,
  target: string,
  options: CopyOptions = {},
): Promise<CopyPlan> {
  const from = splitCopyArgument(source);
  const to = splitCopyArgument(target);
  if (from.service !== "" && to.service !== "")
    throw invalidParameter("copying between services is not supported");
  if (from.service === "" && to.service === "") throw invalidParameter("unknown copy direction");
  const service = from.service || to.service;
  const containers = await targets(engine, project, service, options);
  if (to.service !== "") return { direction: "in", containers, from: from.path, to: to.path };
  return { direction: "out", container: containers[0]!, from: from.path, to: to.path };
}

async function targets(
  engine: Engine,
  project: string,
  service: string,
  { index = 0, all = false }: CopyOptions,
): Promise<ServiceContainer[]> {
  if (index > 0) return [await oneOfService(engine, project, service, { index, all: true })];
  const found = await containersOfService(engine, project, service, { all: true, oneOff: all });
  if (found.length === 0) throw notFound(`no container found for service "${service}"`);
  return found;
}

/** `service:path`; a local path with a colon is written with a slash or a dot in front. */
export function splitCopyArgument(argument: string): { service: string; path: string } {
  const colon = argument.indexOf(":");
  if (colon < 0 || /^[./]/.test(argument)) return { service: "", path: argument };
  return { service: argument.slice(0, colon), path: argument.slice(colon + 1) };
}
