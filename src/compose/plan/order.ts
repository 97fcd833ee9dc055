import type { Service } from "../model/index.ts";
import type { Table } from "../project/index.ts";

/** Names of services, each after those it depends on; those that need not wait for one another by their names. */
export function inDependencyOrder(services: Table<Service>): string[] {
  const order: string[] = [];
  const waiting = new Map<string, number>();
  const dependents = dependentsOf(services);
  for (const [name, service] of Object.entries(services))
    waiting.set(name, dependenciesIn(services, service).length);
  let ready = [...waiting.keys()].filter((name) => waiting.get(name) === 0).sort();
  while (ready.length > 0) {
    order.push(...ready);
    const next: string[] = [];
    for (const name of ready) {
      for (const dependent of dependents.get(name) ?? []) {
        const left = waiting.get(dependent)! - 1;
        waiting.set(dependent, left);
        if (left === 0) next.push(dependent);
      }
    }
    ready = next.sort();
  }
  return order;
}

/** What a service depends on, as far as it is among these. */
export function dependenciesIn(services: Table<Service>, service: Service): string[] {
  return Object.keys(service.depends_on ?? {}).filter((name) => Object.hasOwn(services, name));
}

/** Who depends on each service directly. */
export function dependentsOf(services: Table<Service>): Map<string, string[]> {
  const dependents = new Map<string, string[]>();
  for (const [name, service] of Object.entries(services)) {
    for (const dependency of dependenciesIn(services, service)) {
      const list = dependents.get(dependency);
      if (list === undefined) dependents.set(dependency, [name]);
      else list.push(name);
    }
  }
  return dependents;
}

/** These services and all that depend on them, also through others. */
export function withDependents(services: Table<Service>, names: Iterable<string>): Set<string> {
  const dependents = dependentsOf(services);
  const found = new Set<string>();
  const rest = [...names];
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    rest.push(...(dependents.get(name) ?? []));
  }
  return found;
}
