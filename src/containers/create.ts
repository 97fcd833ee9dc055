import { existsSync, mkdirSync } from "node:fs";
import {
  EngineError,
  faultPoint,
  invalidParameter,
  kindOf,
  log,
  messageOf,
  newId,
  shortId,
} from "../lib/index.ts";
import type {
  ContainerConfig,
  ContainerCreateRequest,
  ContainerCreateResponse,
  HostConfig,
} from "../wire/index.ts";
import { adaptHost } from "./config/adapt.ts";
import { mergeConfig } from "./config/merge.ts";
import { parsePortMap } from "./config/ports.ts";
import { validateConfig } from "./config/validate-config.ts";
import { validateHost } from "./config/validate-host.ts";
import { validateNetworkOptions } from "./config/validate-network.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { checkLinks } from "./links.ts";
import { planMounts } from "./mounts/plan.ts";
import type { PlannedMount } from "./mounts/plan-types.ts";
import { parseName, randomName } from "./names.ts";
import type { ResolvedImage } from "./ports.ts";
import type { ContainerMount, ContainerRecord } from "./record.ts";
import type { CreateOptions } from "./requests.ts";
import { giveBack } from "./resources.ts";
import { formatNanoseconds, NEVER } from "./time.ts";

/**
 * Makes a container that can be started. The record is written first, marked as half done, so that whatever a
 * crash leaves behind can be found and undone; one sync at the end makes all of it durable.
 */
export async function createContainer(
  context: Context,
  request: ContainerCreateRequest,
  options: CreateOptions,
): Promise<ContainerCreateResponse> {
  const { HostConfig: wantedHost, NetworkingConfig: networking, ...wantedConfig } = request;
  if (Object.keys(wantedConfig).length === 0) {
    throw invalidParameter("config cannot be empty in order to create a container");
  }
  const { config: checked, host, warnings } = await validate(context, wantedConfig, wantedHost ?? {});
  const image = await resolveImage(context, checked, options.platform);
  const record = newRecord(context, {
    name: options.name ? parseName(options.name) : undefined,
    config: mergeConfig(checked, image.config),
    host,
    image,
    networking: defaultNetwork(networking ?? {}),
  });
  const planned = plan(context, record, options);
  record.mounts = planned.map(({ volume: _, ...mount }) => mount);
  validateNetwork(context, record);
  checkLinks(context, record.host.Links ?? []);

  context.repository.insert(record);
  faultPoint("create:recorded");
  try {
    record.mounts = await materialise(context, record, planned);
    faultPoint("create:materialised");
    delete record.state.phase;
    record.logPath = context.streams.outputs.logPath(record);
    context.repository.save(record);
    faultPoint("create:saved");
    await context.repository.durable(record);
  } catch (error) {
    await undoCreate(context, record);
    throw notAboutImage(error);
  }
  emit(context, record, "create");
  return { Id: record.id, Warnings: warnings };
}

/** A volume driver that is missing, say, must not read as "no such image". */
function notAboutImage(error: unknown): unknown {
  if (kindOf(error) !== "NotFound") return error;
  return new EngineError("InvalidParameter", messageOf(error), { cause: error });
}

async function validate(
  context: Context,
  config: ContainerConfig,
  wanted: HostConfig,
): Promise<{ config: ContainerConfig; host: HostConfig; warnings: string[] }> {
  const { machine, defaults, repository, streams } = context;
  const checked = validateConfig(config, machine.parseSignal);
  validateNetworkOptions(checked, wanted);
  validateHost(wanted);
  const unsecured = machine.checkSecurity(wanted);
  const runtime = await machine.runtimes.get(wanted.Runtime || undefined);
  const limits = machine.checkResources(wanted, { update: false });
  const host = adaptHost(
    { ...wanted, ...limits.resources, PortBindings: parsePortMap(wanted.PortBindings ?? {}) },
    {
      defaults,
      cgroupVersion: machine.cgroupVersion,
      defaultRuntime: runtime.name,
      find: (reference) => tryFind(repository, reference),
    },
  );
  host.LogConfig = streams.outputs.resolve(wanted.LogConfig, { tty: checked.Tty === true });
  return { config: checked, host, warnings: [...limits.warnings, ...unsecured, ...warningsOf(host)] };
}

function warningsOf(host: HostConfig): string[] {
  const warnings: string[] = [];
  if (host.NetworkMode === "host" && Object.keys(host.PortBindings ?? {}).length > 0) {
    warnings.push("Published ports are discarded when using host network mode");
  }
  if (host.NetworkMode === "bridge" && host.Links?.length) {
    warnings.push(
      "Links on the default bridge network are deprecated and will be removed in a future release. Use a custom network instead.",
    );
  }
  if (host.KernelMemory || host.KernelMemoryTCP) {
    warnings.push(
      "Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
    );
  }
  if (host.CpuCount) warnings.push("linux does not support CPU count. Count discarded.");
  return warnings;
}

/**
 * A network that is not there is told at start only, as Docker does: to clients, "not found" at create means
 * the image,
 * which they would then try to pull.
 */
function validateNetwork({ endpoints }: Context, { host, networking }: ContainerRecord): void {
  const networkMode = host.NetworkMode ?? "bridge";
  if (networkMode.startsWith("container:")) return;
  try {
    endpoints.validate({ networkMode, networking, portBindings: host.PortBindings ?? {} });
  } catch (error) {
    if (kindOf(error) !== "NotFound") throw error;
  }
}

async function resolveImage(
  context: Context,
  config: ContainerConfig,
  platform: string | undefined,
): Promise<ResolvedImage> {
  if (!config.Image) throw invalidParameter("invalid reference format");
  return context.images.resolve(config.Image, platform);
}

/** Clients may say `default` for the network that a container gets when it asks for none. */
function defaultNetwork(networking: ContainerRecord["networking"]): ContainerRecord["networking"] {
  const { default: unnamed, ...named } = networking.EndpointsConfig ?? {};
  if (unnamed === undefined) return networking;
  return { EndpointsConfig: { bridge: unnamed, ...named } };
}

interface NewRecord {
  readonly name: string | undefined;
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  readonly image: ResolvedImage;
  readonly networking: ContainerRecord["networking"];
}

function newRecord(context: Context, { name, config, host, image, networking }: NewRecord): ContainerRecord {
  const { repository, machine, snapshots } = context;
  const id = newId();
  if (name !== undefined) repository.assertNameFree(name);
  const [path = "", ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return {
    id,
    name: name ?? randomName((candidate) => repository.byName(candidate) !== undefined, shortId(id)),
    created: formatNanoseconds(context.clock.nanoseconds()),
    imageId: image.id,
    imageReference: config.Image ?? image.reference,
    platform: image.os ?? "linux",
    driver: snapshots.driver,
    config: {
      ...config,
      Hostname: config.Hostname || (host.NetworkMode === "host" ? machine.hostname : shortId(id)),
    },
    host,
    networking,
    path,
    args,
    mounts: [],
    logPath: "",
    state: {
      status: "created",
      phase: "creating",
      pid: 0,
      exitCode: 0,
      error: "",
      oomKilled: false,
      startedAt: NEVER,
      finishedAt: NEVER,
      restartCount: 0,
      manuallyStopped: false,
      startedBefore: false,
    },
  };
}

/** Docker's mark of volumes that nobody named. */
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

/**
 * Names of what will be made are chosen here, before the record is written, so that an undo after a crash
 * knows them.
 */
function plan(context: Context, record: ContainerRecord, options: CreateOptions): PlannedMount[] {
  const planned = planMounts(record.config, record.host, {
    container: (reference) => context.repository.find(reference),
    exists: existsSync,
  });
  return planned.map((mount, index) => {
    if (mount.type === "image") return { ...mount, snapshotKey: `${record.id}-image-${index}` };
    if (mount.anonymous && mount.name === undefined) {
      const labels = { ...mount.volume?.labels, [ANONYMOUS_LABEL]: "" };
      return { ...mount, name: newId(), volume: { ...mount.volume, labels } };
    }
    const oldClient = options.readOnlyNonRecursive && mount.type === "bind" && mount.readOnly;
    return oldClient ? { ...mount, readOnlyRecursion: "off" } : mount;
  });
}

/** The parts of a container that exist outside of the database, all made at once. */
async function materialise(
  context: Context,
  record: ContainerRecord,
  planned: readonly PlannedMount[],
): Promise<ContainerMount[]> {
  const { paths, images, snapshots } = context;
  images.hold(record.id, record.imageId);
  mkdirSync(paths.container(record.id), { recursive: true, mode: 0o700 });
  const [snapshot, ...mounts] = await Promise.allSettled([
    snapshots.prepare(record.id, record.imageId),
    ...planned.map((mount) => makeMount(context, record, mount)),
  ]);
  // All have ended before anything is undone: nothing may still be made while it is.
  const failed = [snapshot, ...mounts].find((part) => part.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return mounts.flatMap((part) => (part.status === "fulfilled" ? [part.value] : []));
}

async function makeMount(
  context: Context,
  record: ContainerRecord,
  planned: PlannedMount,
): Promise<ContainerMount> {
  const { volume, ...mount } = planned;
  if (mount.type === "image") return makeImageMount(context, mount);
  if (mount.type !== "volume") return mount;
  const made = await context.volumes.acquire({
    ...(mount.name === undefined ? {} : { name: mount.name }),
    ...volume,
    containerId: record.id,
    early: true,
  });
  return {
    ...mount,
    name: made.name,
    source: made.path,
    driver: made.driver,
    // Docker's word for "may be relabelled", shown for local volumes that the user named no mode for.
    mode: mount.mode === "" && made.driver === "local" && mount.origin !== "image-volume" ? "z" : mount.mode,
  };
}

async function makeImageMount(context: Context, mount: ContainerMount): Promise<ContainerMount> {
  const image = await context.images.resolve(mount.source);
  const key = mount.snapshotKey!;
  context.images.hold(key, image.id);
  await context.snapshots.prepare(key, image.id);
  return { ...mount, imageId: image.id };
}

/** Its failure is only told to the log: the caller gets the first one. */
export async function undoCreate(context: Context, record: ContainerRecord): Promise<void> {
  try {
    await giveBack(context, record, { anonymousVolumes: true });
    context.repository.delete(record);
  } catch (error) {
    log.error("cannot undo a create; the next start of the daemon will", {
      container: record.id,
      error: messageOf(error),
    });
  }
}

function tryFind(repository: Context["repository"], reference: string): ContainerRecord | undefined {
  try {
    return repository.find(reference);
  } catch {
    return undefined;
  }
}
