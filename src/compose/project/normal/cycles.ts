import type { Service } from "../../model/index.ts";
import type { Table } from "../project.ts";

/** A circle of services that wait for one another, its first one again at the end: `["a", "b", "a"]`. */
export function findCycle(services: Table<Service>): string[] | undefined {
  const finished = new Set<string>();
  const names = (table: object | undefined) => Object.keys(table ?? {}).sort();
  for (const start of names(services)) {
    // Walked with a stack of its own: a chain may be longer than calls can be deep.
    const path: { name: string; rest: string[] }[] = [];
    const onPath = new Set<string>();
    const enter = (name: string) => {
      path.push({ name, rest: names(services[name]?.depends_on) });
      onPath.add(name);
    };
    if (!finished.has(start)) enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.rest.shift();
      if (next === undefined) {
        finished.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(next)) {
        const circle = path.map((step) => step.name);
        return [...circle.slice(circle.indexOf(next)), next];
      } else if (!finished.has(next) && Object.hasOwn(services, next)) {
        enter(next);
      }
    }
  }
  return undefined;
}
