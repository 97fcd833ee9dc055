import { newId } from "../../lib/index.ts";
import { type Application, type NamedService, serviceNamed } from "../application.ts";
import { createContainer, resolveService } from "../create/index.ts";
import { runHooks } from "../hooks.ts";
import { withDependencies } from "../images/dependencies.ts";
import { ensureImages } from "../images/index.ts";
import type { PullChoice } from "../images/policy.ts";
import type { Service } from "../model/index.ts";
import { DependencyWaits, needsOf } from "../operations/dependencies.ts";
import type { HookOutput } from "../operations/options.ts";
import { up } from "../operations/up.ts";
import { type Project, serviceHash, type Table } from "../project/index.ts";
import { readState, type ServiceContainer } from "../state/index.ts";
import { overridden, type RunOverrides } from "./overrides.ts";
import { containersOfService } from "./service-container.ts";

export interface RunOptions extends RunOverrides {
  readonly service: string;
  /** Instead of `shop-web-run-…`. */
  readonly name?: string | undefined;
  /** Removed when it ends. */
  readonly rm?: boolean;
  /** Its streams are the client's, unless this is said. */
  readonly detach?: boolean;
  readonly noDeps?: boolean;
  /** Known on the networks by the service's names. */
  readonly useAliases?: boolean;
  readonly build?: boolean;
  readonly noBuild?: boolean;
  readonly pull?: PullChoice;
  readonly quietPull?: boolean;
  readonly quietBuild?: boolean;
  readonly removeOrphans?: boolean;
  readonly ignoreOrphans?: boolean;
}

/** A container of `run`, made and not started. Attach to it, start it, then call `afterStart`. */
export interface PreparedRun {
  readonly id: string;
  readonly name: string;
  /** With what the command said. */
  readonly service: NamedService;
  readonly tty: boolean;
  readonly interactive: boolean;
  /** Runs the service's `post_start` commands. */
  afterStart(onOutput?: HookOutput): Promise<void>;
}

/**
 * Brings up what a service depends on, waits until it is as the service needs it, and makes a container of the service
 * for one command.
 */
export async function prepareRun(app: Application, options: RunOptions): Promise<PreparedRun> {
  const { project } = app;
  const service = serviceNamed(project, options.service);
  const changed = overridden(project, service, options);
  const [images] = await both(
    ensureImages(app, [service], {
      build: options.build,
      noBuild: options.noBuild,
      pull: options.pull,
      quietPull: options.quietPull,
      quietBuild: options.quietBuild,
    }),
    startDependencies(app, service, options),
  );

  const state = await readState(app.engine, project.name, { signal: app.signal });
  const containersOf = (name: string) => state.containers.filter((one) => one.service === name);
  if (options.noDeps !== true) await waitForNeeds(app, service, containersOf);

  const slug = newId();
  const name = options.name || `${project.name}-${service.name}-run-${slug.slice(0, 12)}`;
  const id = `Container ${name}`;
  app.report.progress({ id, status: "working", text: "Creating" });
  const resolved = resolveService(changed, containersOf);
  const { digest } = images.get(service.name) ?? {};
  const created = await createContainer({
    app,
    service: changed,
    number: 0,
    name,
    ...(digest !== undefined && { imageId: digest }),
    hash: serviceHash(resolved),
    oneOff: {
      slug,
      autoRemove: options.rm === true,
      attachStdin: options.detach !== true && options.interactive === true,
      useAliases: options.useAliases === true,
    },
    containersOf,
  });
  app.report.progress({ id, status: "done", text: "Created" });
  return {
    id: created.id,
    name,
    service: changed,
    tty: changed.tty === true,
    interactive: changed.stdin_open === true,
    async afterStart(onOutput) {
      if (app.dryRun || (service.post_start ?? []).length === 0) return;
      const all = await containersOfService(app.engine, project.name, service.name, {
        all: true,
        oneOff: true,
      });
      const own = all.find((one) => one.id === created.id);
      if (own !== undefined) await runHooks(app, own, service.post_start, onOutput);
    },
  };
}

/** Both to their ends; then the first failure counts. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

/**
 * The project's networks and volumes, and the services that this one depends on. The service itself counts as one that
 * is not enabled, so that its containers are left alone.
 */
async function startDependencies(
  app: Application,
  service: NamedService,
  options: RunOptions,
): Promise<void> {
  const { project } = app;
  const needed = new Set(
    options.noDeps === true ? [] : withDependencies(project, [service]).map(({ name }) => name),
  );
  needed.delete(service.name);
  await up(
    { ...app, project: withOnly(project, needed) },
    {
      pull: options.pull === "build" ? "policy" : (options.pull ?? "policy"),
      quietPull: options.quietPull === true,
      build: options.build === true,
      noBuild: options.noBuild === true,
      removeOrphans: options.removeOrphans === true,
      ignoreOrphans: options.ignoreOrphans === true,
    },
  );
}

function withOnly(project: Project, names: ReadonlySet<string>): Project {
  const services: Table<Service> = Object.create(null);
  const disabled: Table<Service> = Object.assign(Object.create(null), project.disabled);
  for (const [name, service] of Object.entries(project.services))
    (names.has(name) ? services : disabled)[name] = service;
  return { ...project, services, disabled };
}

async function waitForNeeds(
  app: Application,
  service: NamedService,
  containersOf: (name: string) => readonly ServiceContainer[],
): Promise<void> {
  const needs = needsOf(app.project.services, service);
  if (needs.length === 0) return;
  const signal = app.signal ?? new AbortController().signal;
  await using waits = new DependencyWaits(app);
  await waits.open();
  await Promise.all(needs.map((need) => waits.until(service.name, need, containersOf(need.service), signal)));
}
