import { invalidParameter } from "../../lib/index.ts";
import { type NamedService, serviceNamed } from "../application.ts";
import type { Project } from "../project/index.ts";
import { contextServices } from "./build-request.ts";
import type { Limiter } from "./limit.ts";

/** With the services whose images theirs start from, as far as these are built, too. */
export function withBuildDependencies(project: Project, services: readonly NamedService[]): NamedService[] {
  const found = new Map<string, NamedService>();
  const rest = [...services];
  for (let service = rest.pop(); service !== undefined; service = rest.pop()) {
    if (found.has(service.name) || service.build === undefined) continue;
    found.set(service.name, service);
    for (const name of contextServices(service.build)) rest.push(serviceNamed(project, name));
  }
  return [...found.values()];
}

/**
 * Works on services, each after those whose images it starts from. The first failure ends all that has not begun.
 *
 * @throws InvalidParameter where they wait for one another.
 */
export async function inBuildOrder(
  services: readonly NamedService[],
  limit: Limiter,
  work: (service: NamedService) => Promise<void>,
): Promise<void> {
  const byName = new Map(services.map((service) => [service.name, service]));
  checkBuildCycle(byName);
  const started = new Map<string, Promise<void>>();
  let failed = false;
  const begin = (service: NamedService): Promise<void> => {
    const running = started.get(service.name);
    if (running !== undefined) return running;
    const bases = contextServices(service.build).flatMap((name) => byName.get(name) ?? []);
    const promise = Promise.all(bases.map(begin)).then(() =>
      limit(async () => {
        if (failed) return;
        try {
          await work(service);
        } catch (error) {
          failed = true;
          throw error;
        }
      }),
    );
    started.set(service.name, promise);
    return promise;
  };
  const all = await Promise.allSettled(services.map(begin));
  const failure = all.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

function checkBuildCycle(services: ReadonlyMap<string, NamedService>): void {
  const finished = new Set<string>();
  const visit = (name: string, path: readonly string[]) => {
    const service = services.get(name);
    if (service === undefined || finished.has(name)) return;
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name];
      throw invalidParameter(`builds wait for one another: ${circle.join(" -> ")}`);
    }
    for (const base of contextServices(service.build)) visit(base, [...path, name]);
    finished.add(name);
  };
  for (const name of services.keys()) visit(name, []);
}
