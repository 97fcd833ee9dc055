import type { Application } from "../application.ts";
import type { Service } from "../model/index.ts";
import { withDependents } from "../plan/order.ts";
import type { Project, Table } from "../project/index.ts";
import { containersOf, requireService } from "./applies-to.ts";
import { ContainerActions } from "./container-actions.ts";
import { DependencyWaits, needsOf } from "./dependencies.ts";
import { forService } from "./failures.ts";
import { allSettled, eachInOrder } from "./in-order.ts";
import type { RestartOptions } from "./options.ts";

/**
 * Restarts the containers of services, and of those that depend on them with `restart: true`, each when what it depends on
 * in this way is back.
 */
export async function restart(
  app: Application,
  services: readonly string[] = [],
  options: RestartOptions = {},
): Promise<void> {
  const project = restarting(app.project, services, options.noDeps === true);
  const containers = await containersOf({ ...app, project }, []);
  const of = (name: string) => containers.filter(({ service }) => service === name);
  const actions = new ContainerActions(app);
  const needs = new Map(
    Object.entries(project.services).map(([name, service]) => [name, needsOf(project.services, service)]),
  );
  await using waits = new DependencyWaits(app);
  if ([...needs.values()].some((list) => list.length > 0)) await waits.open();
  await eachInOrder(
    project.services,
    async (name, signal) => {
      await allSettled(needs.get(name)!.map((need) => waits.until(name, need, of(need.service), signal)));
      const service = project.services[name];
      await forService(name, () =>
        allSettled(of(name).map((container) => actions.restart(container, service, options))),
      );
    },
    { signal: app.signal },
  );
}

/** The services that restart, with only the dependencies that count for it. */
function restarting(project: Project, names: readonly string[], noDeps: boolean): Project {
  for (const name of names) requireService(project, name);
  const linked: Table<Service> = Object.create(null);
  for (const [name, service] of Object.entries(project.services)) {
    const dependencies = Object.entries(service.depends_on ?? {}).filter(
      ([, { restart }]) => restart === true,
    );
    linked[name] = { ...service, depends_on: Object.fromEntries(dependencies) };
  }
  if (names.length === 0) return { ...project, services: linked };
  const wanted = noDeps ? new Set(names) : withDependents(linked, names);
  const services: Table<Service> = Object.create(null);
  for (const name of wanted) if (Object.hasOwn(linked, name)) services[name] = linked[name]!;
  return { ...project, services };
}
