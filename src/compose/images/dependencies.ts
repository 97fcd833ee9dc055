import { type NamedService, serviceNamed } from "../application.ts";
import type { Project } from "../project/index.ts";

/** The services with all that they depend on, as far as those are enabled. */
export function withDependencies(project: Project, services: readonly NamedService[]): NamedService[] {
  const found = new Map<string, NamedService>();
  const rest = [...services].reverse();
  for (let service = rest.pop(); service !== undefined; service = rest.pop()) {
    if (found.has(service.name)) continue;
    found.set(service.name, service);
    for (const name of Object.keys(service.depends_on ?? {}))
      if (Object.hasOwn(project.services, name)) rest.push(serviceNamed(project, name));
  }
  return [...found.values()];
}
