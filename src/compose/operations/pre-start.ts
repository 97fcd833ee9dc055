import { systemError } from "../../lib/index.ts";
import type { Application, NamedService } from "../application.ts";
import { createRequest } from "../create/index.ts";
import { LABEL } from "../labels.ts";
import type { PreStartHook } from "../model/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import type { HookOutput } from "./options.ts";

/** The last of what a failed command printed, as far as an error tells it. */
const TAIL_BYTES = 1024;

/**
 * Runs a service's `pre_start` commands, one after another, each in a container of its own that has the volumes and
 * networks of the service. The container of one that fails is kept to be looked at, until the next time.
 *
 * @param container one of the service that does not run yet.
 * @throws System where a command fails.
 */
export async function runPreStart(
  app: Application,
  name: string,
  container: ServiceContainer,
  onOutput?: HookOutput,
): Promise<void> {
  const service: NamedService = { ...app.project.services[name]!, name };
  const hooks = service.pre_start ?? [];
  const perReplica = hooks.findIndex(({ per_replica }) => per_replica === true);
  if (perReplica >= 0) {
    const where = `service "${name}" pre_start[${perReplica}]`;
    throw systemError(`${where}: per_replica is not yet supported; remove per_replica or set it to false`);
  }
  if (hooks.length === 0 || app.dryRun) return;
  await removeHookContainers(app, name);
  for (const [index, hook] of hooks.entries()) await runHook(app, service, container, hook, index, onOutput);
}

/** Removes what failed commands have left: of one service, or of all. */
export async function removeHookContainers(app: Application, service?: string): Promise<void> {
  const { engine, project, signal } = app;
  const label = [`${LABEL.project}=${project.name}`, `${LABEL.hook}=pre_start`];
  if (service !== undefined) label.push(`${LABEL.service}=${service}`);
  const left = await engine.containers.list({ all: true, filters: { label }, signal });
  await Promise.all(left.map(({ Id }) => engine.containers.remove(Id, { force: true, volumes: true })));
}

async function runHook(
  app: Application,
  service: NamedService,
  container: ServiceContainer,
  hook: PreStartHook,
  index: number,
  onOutput: HookOutput | undefined,
): Promise<void> {
  const { engine, signal } = app;
  const where = `service "${service.name}" pre_start[${index}]`;
  const id = await createHookContainer(app, service, container, hook, index);
  try {
    const { result } = await engine.containers.watch(id, "next-exit", signal);
    await engine.containers.start(id);
    const tail = await followOutput(app, id, (chunk) => onOutput?.(container, chunk));
    const { StatusCode } = await result;
    if (StatusCode !== 0) {
      const said = tail === "" ? "" : `: ${tail}`;
      const kept = `(hook container ${id.slice(0, 12)} retained for inspection)`;
      throw systemError(`${where} exited with code ${StatusCode}${said} ${kept}`);
    }
  } catch (error) {
    if (signal?.aborted === true) await engine.containers.remove(id, { force: true, volumes: true });
    throw error;
  }
  await engine.containers.remove(id, { force: true, volumes: true });
}

async function createHookContainer(
  app: Application,
  service: NamedService,
  container: ServiceContainer,
  hook: PreStartHook,
  index: number,
): Promise<string> {
  const name = `${app.project.name}-${service.name}-pre-start-${index + 1}`;
  const { request, platform, extraNetworks } = await createRequest({
    app,
    service: hookService(service, container, hook),
    number: 0,
    name,
    hash: "",
    oneOff: { slug: "" },
    containersOf: () => [],
  });
  const labels = {
    [LABEL.project]: app.project.name,
    [LABEL.service]: service.name,
    [LABEL.version]: request.Labels?.[LABEL.version] ?? "",
    [LABEL.hook]: "pre_start",
  };
  const { engine, signal } = app;
  const { Id } = await engine.containers.create(
    { ...request, Labels: labels },
    { name, ...(platform === undefined ? {} : { platform }), signal },
  );
  for (const { network, settings } of extraNetworks) await engine.networks.connect(network, Id, settings);
  return Id;
}

/** What the command shares with its service, and what it brings. */
function hookService(service: NamedService, container: ServiceContainer, hook: PreStartHook): NamedService {
  const { name, networks, network_mode, platform } = service;
  return {
    name,
    ...(networks === undefined ? {} : { networks }),
    ...(network_mode === undefined ? {} : { network_mode }),
    ...(platform === undefined ? {} : { platform }),
    image: hook.image || container.summary.Image,
    command: hook.command,
    environment: { ...service.environment, ...hook.environment },
    volumes_from: [`container:${container.id}`],
    ...(hook.user === undefined ? {} : { user: hook.user }),
    ...(hook.working_dir === undefined ? {} : { working_dir: hook.working_dir }),
    ...(hook.privileged === undefined ? {} : { privileged: hook.privileged }),
  };
}

/** Passes on what the container prints, to its end. Gives the last of it. */
async function followOutput(
  app: Application,
  id: string,
  pass: (chunk: Uint8Array) => void,
): Promise<string> {
  let tail = Buffer.alloc(0);
  const output = await app.engine.containers.logs(id, { follow: true, tty: false, signal: app.signal });
  for await (const { bytes } of output) {
    pass(bytes);
    tail = Buffer.concat([tail, bytes]).subarray(-TAIL_BYTES);
  }
  return tail.toString("utf8").trim();
}
