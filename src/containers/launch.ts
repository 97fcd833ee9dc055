import { faultPoint, log, messageOf } from "../lib/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import { detachMounts, makeBundle, removeBundle } from "./bundle.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { clearRun, settle } from "./exit.ts";
import { Preparation, prepareRunner } from "./prepare.ts";
import type { ContainerRecord } from "./record.ts";
import { removeNow } from "./remove.ts";
import type { Run } from "./run.ts";
import { Stopwatch } from "./stopwatch.ts";
import { formatNanoseconds } from "./time.ts";
import { together, Undo } from "./undo.ts";

/**
 * Brings a container to life. The caller holds its queue. On failure everything is as before, but for the
 * error and
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
  const watch = new Stopwatch();
  const { id } = record;
  if (options.byHand) context.restarts.forget(id);
  await clearRun(context, record, { force: true });
  undo.add("bundle", () => removeBundle(context, id));
  makeBundle(context, id);
  faultPoint("start:bundle");
  undo.add("network", () => endpoints.release(id));
  undo.add("volumes", () => context.volumes.ended?.(id));
  undo.add("output", () => streams.outputs.failed(record));
  const { runtime, output } = await prepareRunner(context, record);
  watch.lap("runner");
  exits.forget(id);
  const run = runs.begin(id);
  undo.add("run", () => runs.end(run));
  undo.add("runtime", () => runtime.delete(id, { force: true }));
  const preparation = new Preparation(context, record, watch);
  const abort = new AbortController();
  context.starts.set(id, abort);
  try {
    const created = await runtime.create({
      id,
      bundle: paths.bundle(id),
      spec: preparation.spec,
      ...(output.logPath === undefined ? {} : { logPath: output.logPath }),
      logDriver: output.driver,
      tty: record.config.Tty === true,
      stdinOpen: record.config.OpenStdin === true,
      // A terminal outlives the client that detaches from it: the next one types on.
      stdinOnce: record.config.StdinOnce === true && record.config.Tty !== true,
      signal: abort.signal,
    });
    faultPoint("start:created");
    watch.lap("create");
    undo.add("record", () => unmarkRunning(record));
    markRunning(context, record, created, options);
    exits.track(id);
  } finally {
    context.starts.delete(id);
    await preparation.release();
  }
  detachMounts(context, id);
  faultPoint("start:recorded");
  streams.outputs.started(record);
  watch.lap("record");
  await together([runtime.start(id), context.repository.durable(record)]);
  faultPoint("start:started");
  delete record.state.phase;
  delete record.state.before;
  context.repository.saveState(record);
  watch.lap("start");
  watch.report("container started", id);
  return run;
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
    startedAt: formatNanoseconds(context.clock.nanoseconds()),
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
