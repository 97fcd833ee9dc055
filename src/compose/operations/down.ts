import { kindOf } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { imageName } from "../images/index.ts";
import { LABEL } from "../labels.ts";
import { isOrphan } from "../plan/containers.ts";
import { withDependents } from "../plan/order.ts";
import { removeNetworks, removeVolumes } from "../resources/index.ts";
import { readState, type ServiceContainer } from "../state/index.ts";
import { requireService } from "./applies-to.ts";
import { ContainerActions } from "./container-actions.ts";
import { allSettled, eachInReverseOrder } from "./in-order.ts";
import type { DownOptions } from "./options.ts";

/**
 * Stops and removes a project's containers, those that depend on others first, then its networks, and what else is asked
 * for. With services named, those that depend on them go, too.
 */
export async function down(app: Application, options: DownOptions = {}): Promise<void> {
  const { engine, project, signal } = app;
  const { services = [], removeOrphans, volumes = false } = options;
  for (const name of services) requireService(project, name);
  const state = await readState(engine, project.name, { oneOff: removeOrphans === true, signal });
  const actions = new ContainerActions(app);
  const take = async (container: ServiceContainer, anonymousVolumes: boolean) => {
    await actions.stop(container, project.services[container.service], options);
    await actions.remove(container, { volumes: anonymousVolumes });
  };

  const wanted = services.length === 0 ? undefined : withDependents(project.services, services);
  await eachInReverseOrder(
    project.services,
    async (name) => {
      if (wanted?.has(name) === false) return;
      const own = state.containers.filter(({ service }) => service === name);
      await allSettled(own.map((container) => take(container, volumes)));
    },
    signal,
  );
  const orphans = removeOrphans === true ? state.containers.filter((one) => isOrphan(project, one)) : [];
  await allSettled(
    orphans.filter(({ service }) => !Object.hasOwn(project.services, service)).map((one) => take(one, false)),
  );
  const hooks = state.hookContainers.filter(
    ({ Labels }) => wanted?.has(Labels[LABEL.service] ?? "") !== false,
  );
  if (!app.dryRun) {
    await allSettled(hooks.map(({ Id }) => engine.containers.remove(Id, { force: true, volumes: true })));
  }

  const [network, volume, image] = await Promise.all([
    removeNetworks(app, state.networks),
    volumes && removeVolumes(app, state.volumes),
    options.images !== undefined && removeImages(app, options.images),
  ]);
  // Docker Compose says nothing where the files have what it would remove.
  const ownNetworks = Object.values(project.networks).some(({ external }) => external !== true);
  if (state.containers.length === 0 && !network && !volume && !image && !ownNetworks) {
    app.report.warn(`Warning: No resource found to remove for project "${project.name}".`);
  }
}

/** Removes the services' images; one that is still in use stays, with a warning. True: there was one to remove. */
async function removeImages(app: Application, which: "all" | "local"): Promise<boolean> {
  const { engine, project, report } = app;
  const images = new Set<string>();
  for (const [name, service] of Object.entries(project.services)) {
    if (service.provider !== undefined || (which === "local" && service.image)) continue;
    images.add(imageName(project.name, { ...service, name }));
  }
  await allSettled(
    [...images].map(async (image) => {
      const id = `Image ${image}`;
      report.progress({ id, status: "working", text: "Removing" });
      try {
        if (!app.dryRun) await engine.images.remove(image);
      } catch (error) {
        if (kindOf(error) === "Conflict")
          return report.progress({ id, status: "warning", text: "Resource is still in use" });
        if (kindOf(error) !== "NotFound") throw error;
        return report.progress({ id, status: "done", text: "Warning: No resource found to remove" });
      }
      report.progress({ id, status: "done", text: "Removed" });
    }),
  );
  return images.size > 0;
}
