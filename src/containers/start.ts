import { conflict, faultPoint, invalidParameter, log, messageOf, notModified } from "../lib/index.ts";
import { type Runtime, RuntimeError, type SpecMount, type SpecNamespace } from "../runtime/index.ts";
import { detachMounts, makeBundle, removeBundle } from "./bundle.ts";
import type { Context } from "./context.ts";
import { markedForRemoval } from "./errors.ts";
import { type EtcContents, etcMounts, writeEtcFiles } from "./etc-files.ts";
import { emit } from "./events.ts";
import { clearRun, settle } from "./exit.ts";
import { resolveLinks } from "./links.ts";
import { type PreparedMounts, prepareMounts } from "./mounts/prepare.ts";
import { namespacesOf, networkOfPeer, networkPeer } from "./namespaces.ts";
import type { AttachRequest, NetworkSandbox } from "./ports.ts";
import type { ContainerRecord } from "./record.ts";
import { removeNow } from "./remove.ts";
import { layOutRoot } from "./rootfs-layout.ts";
import type { Run } from "./run.ts";
import { sharedMemoryMounts } from "./shared-memory.ts";
import { specOf } from "./spec.ts";
import type { PreparedOutput } from "./streams-contract.ts";
import { nowText } from "./time.ts";
import { together, Undo } from "./undo.ts";

/** `docker start`. @throws NotModified where it runs already */
export function startContainer(
  context: Context,
  record: ContainerRecord,
  options: { checkpoint?: string } = {},
): Promise<void> {
  if (options.checkpoint) throw invalidParameter("checkpoint is only supported in experimental mode");
  return context.queues.run(record.id, async () => {
    assertStartable(record);
    await launch(context, record, { byHand: true });
  });
}

/** @throws NotModified, Conflict in Docker's words */
export function assertStartable(record: ContainerRecord): void {
  const { status, phase } = record.state;
  if (phase === "removing" || status === "removing" || status === "dead") throw markedForRemoval();
  if (status === "paused") throw conflict("cannot start a paused container, try unpause instead");
  if (status === "running" || status === "restarting") throw notModified("container is already running");
}

/**
 * Brings a container to life. The caller holds its queue. On failure everything is as before, but for the error and
 * the exit code in the record, which tell why; one that was to be removed after its run is removed.
 */
export async function launch(
  context: Context,
  record: ContainerRecord,
  options: { byHand: boolean },
): Promise<void> {
  await context.runs.get(record.id)?.settled;
  const undo = new Undo();
  try {
    const run = await bringUp(context, record, options, undo);
    undo.keep();
    emit(context, record, "start");
    context.streams.health.start(record, { adopted: false });
    void run.exited.then((exit) => settle(context, record, run, exit));
  } catch (error) {
    await undo.run();
    await recordFailure(context, record, error);
    throw error;
  }
}

async function bringUp(
  context: Context,
  record: ContainerRecord,
  options: { byHand: boolean },
  undo: Undo,
): Promise<Run> {
  const { paths, exits, runs, streams, endpoints } = context;
  const { id } = record;
  if (options.byHand) context.restarts.forget(id);
  await clearRun(context, record);
  undo.add("bundle", () => removeBundle(context, id));
  makeBundle(context, id);
  faultPoint("start:bundle");
  undo.add("network", () => endpoints.release(id));
  undo.add("output", () => streams.outputs.failed(record));
  const prepared = await prepare(context, record);
  faultPoint("start:prepared");

  const spec = await specFor(context, record, prepared).catch((error: unknown) => {
    prepared.release();
    throw error;
  });
  exits.forget(id);
  const run = runs.begin(id);
  undo.add("run", () => runs.end(run));
  undo.add("runtime", () => prepared.runtime.delete(id, { force: true }));
  try {
    const created = await prepared.runtime.create({
      id,
      bundle: paths.bundle(id),
      spec,
      ...(prepared.output.logPath === undefined ? {} : { logPath: prepared.output.logPath }),
      logDriver: prepared.output.driver,
      tty: record.config.Tty === true,
      stdinOpen: record.config.OpenStdin === true,
      stdinOnce: record.config.StdinOnce === true,
    });
    faultPoint("start:created");
    undo.add("record", () => unmarkRunning(record));
    markRunning(context, record, created, options);
    exits.track(id);
  } finally {
    // From here on the container's processes hold its mounts and its network.
    prepared.release();
  }
  detachMounts(context, id);
  faultPoint("start:recorded");
  streams.outputs.started(record);
  await together([prepared.runtime.start(id), context.repository.durable(record)]);
  faultPoint("start:started");
  delete record.state.phase;
  delete record.state.before;
  context.repository.saveState(record);
  return run;
}

interface Prepared {
  readonly runtime: Runtime;
  readonly output: PreparedOutput;
  readonly network: PreparedNetwork;
  readonly mounts: SpecMount[];
  release(): void;
}

/** Everything that needs no other part, at once. What fails lets the others end first, so that the undo finds all of it. */
async function prepare(context: Context, record: ContainerRecord): Promise<Prepared> {
  const { machine, snapshots, streams, paths } = context;
  let mounts: PreparedMounts | undefined;
  let network: PreparedNetwork | undefined;
  const release = () => {
    mounts?.release();
    network?.release();
  };
  try {
    const [runtime, output] = await together([
      machine.runtimes.get(record.host.Runtime || undefined),
      streams.outputs.prepare(record),
      snapshots.mount(record.id, paths.rootfs(record.id), { volatile: record.host.AutoRemove === true }),
      prepareNetwork(context, record).then((ready) => {
        network = ready;
      }),
      prepareMounts(context, record).then((ready) => {
        mounts = ready;
      }),
    ]);
    const shared = sharedMemoryMounts(context, record);
    return { runtime, output, network: network!, mounts: [...mounts!.mounts, ...shared], release };
  } catch (error) {
    release();
    throw error;
  }
}

interface PreparedNetwork {
  readonly namespace: SpecNamespace;
  /** Whose /etc/hosts and its siblings the container has. */
  readonly filesOf: ContainerRecord;
  readonly environment: readonly string[];
  /** What has to be mounted over the container's /etc: absent where another container's files are used. */
  readonly contents?: EtcContents;
  release(): void;
}

async function prepareNetwork(context: Context, record: ContainerRecord): Promise<PreparedNetwork> {
  const peer = networkPeer(context, record);
  if (peer !== undefined) {
    shareHostname(record, peer);
    return { namespace: networkOfPeer(peer), filesOf: peer, environment: [], release: () => {} };
  }
  const sandbox = await context.endpoints.attach(attachRequestOf(context, record));
  return {
    namespace: namespaceOf(sandbox),
    filesOf: record,
    environment: sandbox.environment ?? [],
    contents: sandbox,
    release: () => sandbox.namespace?.close(),
  };
}

function namespaceOf({ namespace }: NetworkSandbox): SpecNamespace {
  return namespace === undefined ? "host" : { path: namespace.path };
}

/** Those who share a network share its names. */
function shareHostname(record: ContainerRecord, peer: ContainerRecord): void {
  record.config = {
    ...record.config,
    Hostname: peer.config.Hostname ?? "",
    Domainname: peer.config.Domainname ?? "",
  };
}

/** What the network room needs to know to give a container its interfaces. */
export function attachRequestOf(
  context: Pick<Context, "repository">,
  record: ContainerRecord,
  options: { running?: boolean } = {},
): AttachRequest {
  const { config, host } = record;
  const mac = config.MacAddress;
  return {
    containerId: record.id,
    name: record.name,
    hostname: config.Hostname ?? "",
    ...(config.Domainname ? { domainname: config.Domainname } : {}),
    networkMode: config.NetworkDisabled ? "none" : (host.NetworkMode ?? "bridge"),
    networking: record.networking,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    portBindings: host.PortBindings ?? {},
    publishAllPorts: host.PublishAllPorts === true,
    ...(mac ? { macAddress: mac } : {}),
    // A running container's links were resolved when it started; their targets need not run any more.
    links: options.running ? [] : resolveLinks(context, record),
    extraHosts: host.ExtraHosts ?? [],
    dns: host.Dns ?? [],
    dnsOptions: host.DnsOptions ?? [],
    dnsSearch: host.DnsSearch ?? [],
  };
}

/** With the root mounted: who the user is, what an empty volume starts from, and the specification of it all. */
async function specFor(context: Context, record: ContainerRecord, prepared: Prepared) {
  const { machine, paths } = context;
  const { network } = prepared;
  if (network.contents !== undefined) writeEtcFiles(context, record, network.contents);
  using root = machine.openRoot(paths.rootfs(record.id));
  if (!record.state.startedBefore) layOutRoot(root, (descriptor) => machine.closeDescriptor(descriptor));
  await populateVolumes(context, record, root);
  return specOf(context, record, {
    user: machine.resolveUser(root, record.config.User ?? "", record.host.GroupAdd ?? []),
    mounts: [...etcMounts(context, record, network.filesOf), ...prepared.mounts],
    namespaces: namespacesOf(context, record, network.namespace),
    environment: network.environment,
  });
}

/** Copies what the image has at a volume's place into the volume, while that is empty. */
export async function populateVolumes(
  context: Pick<Context, "volumes">,
  record: ContainerRecord,
  root: Parameters<Context["volumes"]["populate"]>[1],
): Promise<void> {
  for (const mount of record.mounts) {
    if (mount.type !== "volume" || !mount.copyUp) continue;
    await context.volumes.populate(mount.name!, root, mount.destination);
  }
}

/** The record tells of the new process before that goes on to the user's program. */
function markRunning(
  context: Context,
  record: ContainerRecord,
  created: { pid: number; startTime: string; conmonPid: number },
  options: { byHand: boolean },
): void {
  Object.assign(record.state, {
    before: { ...record.state },
    status: "running",
    phase: "starting",
    pid: created.pid,
    startTime: created.startTime,
    conmonPid: created.conmonPid,
    exitCode: 0,
    error: "",
    oomKilled: false,
    startedAt: nowText(),
    startedBefore: true,
    ...(options.byHand ? { restartCount: 0, manuallyStopped: false } : {}),
  });
  if (record.host.NetworkMode?.startsWith("container:")) context.repository.save(record);
  else context.repository.saveState(record);
  for (const mount of record.mounts) {
    if (mount.type !== "volume") continue;
    context.volumes.mounted?.(mount.name!, {
      containerId: record.id,
      destination: mount.destination,
      readWrite: !mount.readOnly,
      propagation: mount.propagation,
    });
  }
}

/** Undo of `markRunning`, also for a start that a crash of the daemon cut short. */
export function unmarkRunning(record: ContainerRecord): void {
  const { before } = record.state;
  if (before !== undefined) record.state = before;
}

/** Docker's exit codes of a start that failed: 127 not found, 126 not executable, 128 all else. */
async function recordFailure(context: Context, record: ContainerRecord, error: unknown): Promise<void> {
  const { state } = record;
  const code = error instanceof RuntimeError ? error.exitCode : 128;
  delete state.phase;
  if (state.status === "restarting") state.status = "exited";
  Object.assign(state, { pid: 0, startTime: undefined, conmonPid: undefined, error: messageOf(error) });
  if (state.exitCode === 0 || error instanceof RuntimeError) state.exitCode = code;
  context.repository.saveState(record);
  if (record.host.AutoRemove) {
    await removeNow(context, record, { anonymousVolumes: true }).catch((removal: unknown) =>
      log.error("cannot remove a container that could not be started", {
        container: record.id,
        error: messageOf(removal),
      }),
    );
  }
  await context.repository.durable(record);
}
