import { notFound } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import type { Project } from "../project/index.ts";
import { readState, type ServiceContainer } from "../state/index.ts";

/**
 * The containers of some services, of all where none is named; those of `run` only where asked for. One call.
 *
 * @throws NotFound `no such service: web`.
 */
export async function containersOf(
  { engine, project, signal }: Application,
  services: readonly string[],
  options: { readonly all?: boolean; readonly oneOff?: boolean } = {},
): Promise<readonly ServiceContainer[]> {
  for (const name of services) requireService(project, name);
  const { containers } = await readState(engine, project.name, { ...options, signal });
  const wanted = new Set(services.length === 0 ? Object.keys(project.services) : services);
  return containers.filter(({ service }) => wanted.has(service));
}

export function requireService(project: Project, name: string): void {
  if (!Object.hasOwn(project.services, name) && !Object.hasOwn(project.disabled, name)) {
    throw notFound(`no such service: ${name}`);
  }
}
