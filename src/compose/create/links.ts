import { containerName } from "../labels.ts";
import type { CreateContext } from "./context.ts";

/**
 * Links as the engine takes them, `shop-db-1:db`: each container of a linked service under the alias, and under the names
 * that it had before there were networks.
 */
export function containerLinks({ app, service, number, oneOff, containersOf }: CreateContext): string[] {
  const links = new Set<string>();
  const project = app.project.name;
  for (const link of service.links ?? []) {
    const [linked = "", alias = linked] = link.split(":", 2);
    for (const { name } of containersOf(linked)) {
      links.add(`${name}:${alias}`);
      links.add(`${name}:${linked}-${number}`);
      links.add(`${name}:${containerName(project, { name: linked }, number)}`);
    }
  }
  if (oneOff !== undefined) {
    for (const { name } of containersOf(service.name)) {
      links.add(`${name}:${service.name}`);
      links.add(`${name}:${name.startsWith(`${project}-`) ? name.slice(project.length + 1) : name}`);
      links.add(`${name}:${name}`);
    }
  }
  for (const link of service.external_links ?? []) {
    const [other = "", alias = other] = link.split(":", 2);
    links.add(`${other}:${alias}`);
  }
  return [...links];
}
