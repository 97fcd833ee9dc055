import { mkdirSync, readdirSync } from "node:fs";
import { log, messageOf, Slots } from "../lib/index.ts";
import { removeBundle } from "./bundle.ts";
import type { Context } from "./context.ts";
import { undoCreate } from "./create.ts";
import { clearRun, restartByPolicy, settle } from "./exit.ts";
import { thawLeftovers } from "./freeze.ts";
import { unmarkRunning } from "./launch.ts";
import type { LiveEndpoint } from "./ports.ts";
import { attachRequestOf } from "./prepare-network.ts";
import { type ContainerRecord, isRunning, UNKNOWN_EXIT_CODE } from "./record.ts";
import { removeNow } from "./remove.ts";
import { wantsStartWithDaemon } from "./restart-policy.ts";

/** So many containers are settled, removed or started at the same time. */
const AT_ONCE = 8;

/** What has become of a container since the record was written. */
type Finding = "half-made" | "half-started" | "half-removed" | "alive" | "ended" | "waiting" | "at-rest";

/**
 * Makes records and reality agree after the daemon was stopped, killed, or the machine restarted: running
 * containers
 * are adopted untouched, ends are settled as if they had just been seen, half-done operations are undone or
 * finished, and
 * what belongs to no record is removed. Containers that are to be started are started in the background.
 */
export async function recover(context: Context): Promise<void> {
  const { paths, repository } = context;
  for (const path of [paths.containers, paths.bundles, paths.temporaryMounts]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  const findings = new Map([...repository.all()].map((record) => [record, look(context, record)]));
  const found = (...wanted: Finding[]) =>
    [...findings].flatMap(([record, finding]) => (wanted.includes(finding) ? [record] : []));

  const alive = found("alive");
  detachLeftovers(context, new Set(alive.map(({ id }) => id)));
  await context.endpoints.restore(alive.flatMap((record) => liveEndpoint(context, record)));
  for (const record of findings.keys()) holdImages(context, record);
  for (const record of alive) adopt(context, record);

  await inTurns(found("half-made"), (record) => undoCreate(context, record));
  await inTurns(found("half-removed"), (record) => finishRemoval(context, record));
  await inTurns(found("half-started"), (record) => undoStart(context, record));
  await inTurns(found("ended"), (record) => settleEnd(context, record));
  await inTurns(found("at-rest", "waiting"), (record) => clearAtRest(context, record));
  await sweep(context);
  log.debug("containers recovered", { containers: repository.size, running: alive.length });

  void thawLeftovers(context, alive);
  void startAgain(context, found("half-started", "ended", "waiting", "at-rest"));
}

function look({ machine }: Context, record: ContainerRecord): Finding {
  const { phase, status, pid, startTime } = record.state;
  if (phase === "creating") return "half-made";
  if (phase === "removing" || status === "removing" || status === "dead") return "half-removed";
  if (phase === "starting") return "half-started";
  if (status === "restarting") return "waiting";
  if (!isRunning(record)) return "at-rest";
  return machine.isAlive(pid, startTime) ? "alive" : "ended";
}

/**
 * The daemon's own views of mounts; those of containers are in their namespaces. The /dev/shm that a live one
 * shares stays.
 */
function detachLeftovers({ machine, paths }: Context, alive: ReadonlySet<string>): void {
  const kept = new Set([...alive].map((id) => paths.shm(id)));
  for (const root of [paths.bundles, paths.temporaryMounts]) {
    for (const mountPoint of machine.mountsBelow(root).reverse()) {
      if (!kept.has(mountPoint)) machine.detach(mountPoint);
    }
  }
}

function liveEndpoint(context: Context, record: ContainerRecord): LiveEndpoint[] {
  if (record.host.NetworkMode?.startsWith("container:")) return [];
  const request = attachRequestOf(context, record, { running: true });
  return [{ ...request, pid: record.state.pid }];
}

function holdImages({ images }: Context, record: ContainerRecord): void {
  images.hold(record.id, record.imageId);
  for (const { snapshotKey, imageId } of record.mounts) {
    if (snapshotKey !== undefined && imageId !== undefined) images.hold(snapshotKey, imageId);
  }
}

/** Takes a running container over without touching it. */
function adopt(context: Context, record: ContainerRecord): void {
  const { streams, runs, exits } = context;
  const run = runs.begin(record.id);
  streams.outputs.adopt(record);
  streams.health.start(record, { adopted: true });
  if (record.state.status === "paused") streams.health.pause(record.id);
  void run.exited.then((exit) => settle(context, record, run, exit));
  exits.track(record.id);
}

/** It ended while no daemon looked: the policy decides as it would have. */
async function settleEnd(context: Context, record: ContainerRecord): Promise<void> {
  const run = context.runs.begin(record.id);
  context.streams.outputs.adopt(record);
  const exit = context.exits.lastExit(record.id) ?? {
    code: UNKNOWN_EXIT_CODE,
    oomKilled: false,
    finishedAt: new Date(context.clock.now()),
  };
  run.reportExit(exit);
  await settle(context, record, run, exit, { recovering: true });
}

/** What a start that came to nothing left, before it was written down that it had begun. */
async function clearAtRest(context: Context, record: ContainerRecord): Promise<void> {
  await clearRun(context, record, { force: true });
  context.exits.forget(record.id);
}

async function undoStart(context: Context, record: ContainerRecord): Promise<void> {
  await clearAtRest(context, record);
  unmarkRunning(record);
  delete record.state.phase;
  context.repository.saveState(record);
  log.info("undid a start that was cut short", { container: record.id });
}

async function finishRemoval(context: Context, record: ContainerRecord): Promise<void> {
  await clearAtRest(context, record);
  await removeNow(context, record, {
    anonymousVolumes: record.state.removeVolumes === true || record.host.AutoRemove === true,
  });
}

/** Directories, bundles and exit notes of containers that nobody knows. */
async function sweep(context: Context): Promise<void> {
  const { paths, repository, machine } = context;
  const unknown = (directory: string) =>
    listed(directory).filter((name) => repository.byId(name) === undefined);
  for (const id of unknown(paths.containers)) context.trash.take(paths.container(id));
  await inTurns(unknown(paths.bundles), async (id) => {
    const runtime = await machine.runtimes.get(undefined);
    await runtime.delete(id, { force: true });
    await context.endpoints.release(id);
    removeBundle(context, id);
  });
  for (const id of unknown(paths.exits)) context.exits.forget(id);
}

/**
 * Removes what `--rm` left, and starts what is to run whenever the daemon does: those that others lean on
 * first.
 */
async function startAgain(context: Context, records: readonly ContainerRecord[]): Promise<void> {
  // All at once, so that each sees who is still to come.
  for (const record of records) if (wantsStartWithDaemon(record)) record.state.status = "restarting";
  const slots = new Slots(AT_ONCE);
  const started = new Map<string, Promise<void>>();
  for (const record of inOrder(context, records)) {
    const donors = donorsOf(context, record).flatMap(({ id }) => started.get(id) ?? []);
    const work = Promise.allSettled(donors).then(() => startOrRemove(context, record, slots));
    started.set(
      record.id,
      work.catch((error: unknown) => {
        if (!context.closing.aborted) log.error("cannot recover a container", { error: messageOf(error) });
      }),
    );
  }
  await Promise.all(started.values());
}

async function startOrRemove(context: Context, record: ContainerRecord, slots: Slots): Promise<void> {
  if (context.repository.byId(record.id) !== record || context.closing.aborted) return;
  if (record.state.status === "restarting") {
    await restartByPolicy(context, record, () => slots.take(context.closing));
  } else if (record.host.AutoRemove) {
    using _slot = await slots.take(context.closing);
    await context.queues.run(record.id, async () => {
      if (context.repository.byId(record.id) !== record || isRunning(record)) return;
      await removeNow(context, record, { anonymousVolumes: true });
    });
  }
}

/** Containers whose namespaces it joins, and those that it is linked to: they must run before it can. */
function donorsOf(context: Context, record: ContainerRecord): ContainerRecord[] {
  const { NetworkMode, PidMode, IpcMode, Links } = record.host;
  const joined = [NetworkMode, PidMode, IpcMode].flatMap((mode) =>
    mode?.startsWith("container:") ? [mode.slice("container:".length)] : [],
  );
  const linked = (Links ?? []).map((link) => link.split(":")[0]!);
  return [...joined, ...linked].flatMap((reference) => tryFind(context, reference) ?? []);
}

function tryFind(context: Context, reference: string): ContainerRecord | undefined {
  try {
    return context.repository.find(reference);
  } catch {
    return undefined;
  }
}

/** Donors before those that need them; in a circle, whoever comes first. */
function inOrder(context: Context, records: readonly ContainerRecord[]): ContainerRecord[] {
  const wanted = new Set(records);
  const ordered = new Set<ContainerRecord>();
  const visiting = new Set<ContainerRecord>();
  const visit = (record: ContainerRecord) => {
    if (!wanted.has(record) || ordered.has(record) || visiting.has(record)) return;
    visiting.add(record);
    for (const donor of donorsOf(context, record)) visit(donor);
    ordered.add(record);
  };
  for (const record of records) visit(record);
  return [...ordered];
}

/** A few at once; one that fails is told to the log and does not keep the others. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        log.error("cannot recover a container", { error: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, worker));
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
