import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ApiServer, routesOf } from "../api/index.ts";
import { BuildControl, SessionBuilds } from "../build/index.ts";
import {
  type ContainerDefaults,
  type Containers,
  linuxMachine,
  openContainers,
} from "../containers/index.ts";
import { Images, openSnapshotter } from "../images/index.ts";
import { invalidParameter, type LogFields, log, messageOf, setLogLevel, VERSION } from "../lib/index.ts";
import { Networks } from "../networks/index.ts";
import { checkHost, hostFacts, type OciRuntimes, openCgroups, openRuntimes } from "../runtime/index.ts";
import { BlobStore, Database, EventLog, Trash } from "../store/index.ts";
import { Volumes } from "../volumes/index.ts";
import { buildBackend } from "./build-backend.ts";
import { BuildNetworks } from "./build-networks.ts";
import { buildWorker, openDaemonBuilder } from "./build-rooms.ts";
import { cachePolicyOf } from "./builder-config.ts";
import type { DaemonConfig } from "./config.ts";
import { engineId } from "./engine-id.ts";
import { networkBackend } from "./network-backend.ts";
import { openOfferedFile } from "./offered-file.ts";
import { userOfSocket } from "./socket-users.ts";
import { createSystem } from "./system.ts";
import { volumeBackend } from "./volume-backend.ts";

/** All rooms, wired together, behind a server that is ready to listen. */
export interface Engine {
  readonly server: ApiServer;
  /** Applies what may change without a restart. */
  reload(config: DaemonConfig): void;
  /** How long requests that are being worked on may go on at the daemon's end. */
  readonly shutdownTimeoutSeconds: number;
  /** Numbers for whoever looks into a living daemon. */
  describe(): LogFields;
  /** Lets go of everything; containers go on. */
  close(): Promise<void>;
}

/**
 * Opens the rooms in the order in which they need each other, repairs what an earlier daemon left half done, and
 * puts the API in front. The one place where peers meet.
 */
export async function assembleEngine(config: DaemonConfig, phase: (name: string) => void): Promise<Engine> {
  await using undo = new AsyncDisposableStack();
  const hostReport = checkHost();
  const database = Database.open(join(config.dataRoot, "berth.db"));
  undo.defer(() => database.close());
  const events = new EventLog(database);
  undo.defer(() => events.flush());
  phase("database");

  const cgroups = openCgroups();
  // Shared by all containers of this daemon, so it goes when neither daemon nor containers are left.
  undo.defer(() => cgroups.removeIfEmpty(config.cgroupParent));
  const facts = hostFacts(cgroups);
  const runtimes = openRuntimes({
    execRoot: config.execRoot,
    cgroupParent: config.cgroupParent,
    configured: config.runtimes,
    default: config.defaultRuntime,
    defaultUlimits: config.defaultUlimits,
    cgroups,
    facts,
  });
  refuseUnknownDefault(runtimes, config);
  const machine = linuxMachine({
    runtimes,
    facts,
    execRoot: config.execRoot,
    ...(config.initPath === undefined ? {} : { initPath: config.initPath }),
  });
  phase("runtime");

  let containers: Containers | undefined;
  const { emit } = events;
  const trash = Trash.open(join(config.dataRoot, "trash"));
  undo.defer(() => trash.close());
  const [blobs, snapshotter] = await Promise.all([
    BlobStore.open(join(config.dataRoot, "blobs"), trash),
    openSnapshotter({ root: join(config.dataRoot, "snapshots"), trash, name: config.snapshotter }),
  ]);
  const images = await Images.open({
    db: database,
    blobs,
    snapshotter,
    emit,
    dataRoot: config.dataRoot,
    isRunning: (id) => containers?.isRunning(id) ?? false,
    registries: config.registries,
    versions: config.imageVersions,
  });
  undo.defer(() => images.close());
  phase("images");

  const volumes = new Volumes({
    database,
    emit,
    root: join(config.dataRoot, "volumes"),
    trash,
    pluginFolders: config.pluginFolders,
  });
  await volumes.recover();
  const networks = new Networks({
    database,
    emit,
    instance: config.instance,
    config: config.networks,
  });
  undo.defer(() => networks.close());
  phase("volumes and networks");

  containers = openContainers({
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    database,
    trash,
    emit,
    keepEvents: () => events.flush(),
    defaults: containerDefaults(config),
    images,
    snapshots: images.snapshots,
    endpoints: networks,
    volumes,
    machine,
  });
  undo.defer(() => containers?.shutdown());
  await containers.recover();
  images.versions.start();
  phase("containers");

  const stepNetworks = new BuildNetworks(networks);
  const { execRoot } = config;
  const runs = { runtimes, facts, networks: stepNetworks, execRoot, defaults: containerDefaults(config) };
  const builder = await openDaemonBuilder({ config, database, images, trash, runs });
  undo.defer(() => builder.close());
  const sessions = new SessionBuilds(builder, builder.directory);
  undo.defer(() => sessions[Symbol.dispose]());
  const worker = () => buildWorker(engineId(database), networks.hostGateway());
  const control = new BuildControl({ builds: builder, sessions, worker });
  phase("builder");

  const host = await hostReport;
  for (const warning of host.warnings) log.warn(warning);
  let current = config;
  const system = createSystem({
    config: () => current,
    engineId: engineId(database),
    host,
    runtimes,
    events,
    containers,
    images,
    volumes,
    builds: builder,
  });
  const server = new ApiServer({
    router: routesOf({
      containers,
      images,
      volumes: volumeBackend(volumes, containers),
      networks: networkBackend(networks, containers),
      builds: buildBackend(builder, sessions, control),
      events,
      system,
    }),
    version: VERSION,
    userOfSocket,
    openOffered: openOfferedFile,
  });
  const live = undo.move();
  return {
    server,
    reload: (changed) => {
      images.registry.configure(changed.registries);
      images.versions.configure(changed.imageVersions);
      builder.configure(cachePolicyOf(changed.builder, config.dataRoot));
      current = reloaded(current, changed);
      setLogLevel(current.logLevel);
    },
    get shutdownTimeoutSeconds() {
      return current.shutdownTimeoutSeconds;
    },
    describe: () => ({
      ...containers.counts(),
      ...containers.held,
      residentBytes: process.memoryUsage().rss,
    }),
    close: () => live.disposeAsync(),
  };
}

/** In dockerd's words. Without any runtime installed the daemon starts all the same: it may be installed later. */
function refuseUnknownDefault(runtimes: OciRuntimes, { defaultRuntime }: DaemonConfig): void {
  if (
    defaultRuntime === undefined ||
    defaultRuntime === "runc" ||
    runtimes.names().some(({ name }) => name === defaultRuntime)
  )
    return;
  throw invalidParameter(`specified default runtime '${defaultRuntime}' does not exist`);
}

/** Only the settings that the table says can change; the others wait for the next start. */
function reloaded(current: DaemonConfig, changed: DaemonConfig): DaemonConfig {
  const { logLevel, labels, registries, imageVersions, builder, shutdownTimeoutSeconds } = changed;
  return { ...current, logLevel, labels, registries, imageVersions, builder, shutdownTimeoutSeconds };
}

function containerDefaults(config: DaemonConfig): ContainerDefaults {
  const profile = seccompProfile(config.seccompProfile);
  return {
    logConfig: { Type: config.logDriver, Config: { ...config.logOpts } },
    ulimits: config.defaultUlimits,
    cgroupParent: config.cgroupParent,
    init: config.init,
    noNewPrivileges: config.noNewPrivileges,
    ...(config.defaultShmSizeBytes === undefined ? {} : { shmSize: config.defaultShmSizeBytes }),
    ...(config.defaultIpcMode === undefined ? {} : { ipcMode: config.defaultIpcMode }),
    ...(config.defaultCgroupnsMode === undefined ? {} : { cgroupnsMode: config.defaultCgroupnsMode }),
    ...(profile === undefined ? {} : { seccompProfile: profile }),
  };
}

/** The profile's text; `unconfined` stays that word. @throws InvalidParameter where the file can't be read */
function seccompProfile(setting: string | undefined): string | undefined {
  if (setting === undefined || setting === "builtin" || setting === "unconfined")
    return setting === "builtin" ? undefined : setting;
  try {
    return readFileSync(setting, "utf8");
  } catch (error) {
    throw invalidParameter(`opening seccomp profile (${setting}) failed: ${messageOf(error)}`, error);
  }
}
