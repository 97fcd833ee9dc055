import { existsSync } from "node:fs";
import { faultPoint, log, messageOf } from "../lib/index.ts";
import type { ContainerExit } from "../runtime/index.ts";
import { removeBundle } from "./bundle.ts";
import type { Context } from "./context.ts";
import { dependenciesMet } from "./dependencies.ts";
import { emit } from "./events.ts";
import { launch } from "./launch.ts";
import type { ContainerRecord } from "./record.ts";
import { removeNow } from "./remove.ts";
import { wantsRestart } from "./restart-policy.ts";
import type { Run } from "./run.ts";
import { Stopwatch } from "./stopwatch.ts";
import { formatDate, parseTime } from "./time.ts";

/**
 * What follows a container's end: everything that the run held is given back, the record tells how it ended,
 * whoever
 * waits is told, and then the policy restarts it or `--rm` removes it. Runs beside the container's queue,
 * once for each
 * run; operations that need a container at rest wait for `run.settled`. Never rejects.
 */
export async function settle(
  context: Context,
  record: ContainerRecord,
  run: Run,
  exit: ContainerExit,
  options: { recovering?: boolean } = {},
): Promise<void> {
  const { streams, exits, waiters, runs } = context;
  const watch = new Stopwatch();
  const ranMs = exit.finishedAt.getTime() - parseTime(record.state.startedAt);
  streams.health.stop(record.id);
  streams.execs.endAll(record.id);
  // The monitor wrote its last line before it told of the end.
  streams.outputs.ended(record);
  const clear = async () => {
    await Promise.all([clearOrLog(context, record), streams.outputs.delivered(record)]);
  };
  const tell = () => {
    exits.forget(record.id);
    waiters.exited(record);
  };
  await run.signalling;
  let restart = !run.final && !run.restarting && mayRestart(record, exit);
  const doomed = isDoomed(record, run, restart);
  announceExit(context, record, exit, ranMs, restart);
  try {
    if (doomed) await removeEnded(context, record, clear, tell);
    else {
      await clear();
      faultPoint("stop:cleaned");
      watch.lap("clear");
      // Somebody may have stopped it for good meanwhile.
      restart &&= !run.final;
      recordExit(context, record, exit, restart);
      faultPoint("stop:recorded");
      tellUnmounts(context, record);
      tell();
    }
  } catch (error) {
    log.error("cannot settle a container's end", { container: record.id, error: messageOf(error) });
  }
  runs.end(run);
  watch.lap("record");
  watch.report("container ended", record.id);
  // At the daemon's start, restarts are made in an order, not after a delay.
  if (restart && !options.recovering) scheduleRestart(context, record, ranMs);
}

/** It goes with this end: because of `--rm`, or because somebody is removing it by force. */
function isDoomed(record: ContainerRecord, run: Run, restart: boolean): boolean {
  if (record.state.phase === "removing") return true;
  return record.host.AutoRemove === true && !restart && !run.restarting;
}

/** What the run held and what the container has are given back at the same time. */
async function removeEnded(
  context: Context,
  record: ContainerRecord,
  clear: () => Promise<void>,
  tell: () => void,
): Promise<void> {
  const { phase, removeVolumes } = record.state;
  await removeNow(context, record, {
    anonymousVolumes: phase === "removing" ? removeVolumes === true : true,
    beside: clear,
    left: () => tellUnmounts(context, record),
    before: tell,
  });
}

async function clearOrLog(context: Context, record: ContainerRecord): Promise<void> {
  try {
    await clearRun(context, record, { force: outlivesItsInit(record) });
  } catch (error) {
    log.error("cannot clean up after a container", { container: record.id, error: messageOf(error) });
  }
}

function mayRestart(record: ContainerRecord, exit: ContainerExit): boolean {
  const { manuallyStopped, restartCount, phase } = record.state;
  if (phase === "removing") return false;
  return wantsRestart(record.host.RestartPolicy, { exitCode: exit.code, manuallyStopped, restartCount });
}

function recordExit(context: Context, record: ContainerRecord, exit: ContainerExit, restart: boolean): void {
  setEnded(record, exit, restart ? "restarting" : "exited");
  if (restart) record.state.restartCount++;
  context.repository.saveState(record);
  context.repository
    .durable(record)
    .catch((error: unknown) => log.error("cannot sync a container's end", { error: messageOf(error) }));
}

function setEnded(record: ContainerRecord, exit: ContainerExit, status: "exited" | "restarting"): void {
  const { state } = record;
  Object.assign(state, {
    status,
    pid: 0,
    exitCode: exit.code,
    oomKilled: exit.oomKilled,
    finishedAt: formatDate(exit.finishedAt),
  });
  delete state.startTime;
  delete state.conmonPid;
  delete state.endTold;
}

/**
 * Docker's order of events: first of all the container died, then it leaves its networks and its volumes. Who asks
 * for it now finds that it has ended; that is written down when all is given back, so that a crash before that
 * finds the end anew.
 */
function announceExit(
  context: Context,
  record: ContainerRecord,
  exit: ContainerExit,
  ranMs: number,
  restart: boolean,
): void {
  if (record.state.endTold !== true) {
    // Where the monitor noticed only together with the end.
    if (exit.oomKilled && !record.state.oomKilled) emit(context, record, "oom");
    emit(context, record, "die", {
      exitCode: String(exit.code),
      execDuration: String(Math.max(0, Math.floor(ranMs / 1000))),
    });
    noteEndTold(context, record);
  }
  setEnded(record, exit, restart ? "restarting" : "exited");
}

/** Together with the event: the next daemon, which finds the end anew, tells it if and only if this one did not. */
function noteEndTold({ repository, keepEvents }: Context, record: ContainerRecord): void {
  record.state.endTold = true;
  try {
    repository.atOnce(() => {
      repository.saveState(record);
      keepEvents();
    });
  } catch (error) {
    log.error("cannot note a container's end", { container: record.id, error: messageOf(error) });
  }
}

function tellUnmounts(context: Context, record: ContainerRecord): void {
  for (const mount of record.mounts) {
    if (mount.type === "volume") context.volumes.unmounted?.(mount.name!, record.id);
  }
}

/**
 * Gives back what a run held: the runtime's and the monitor's state, cgroups, network, bundle. Also before a
 * start, in
 * case the last clean-up failed. Nothing of it need be there.
 * @param options.force kill what is left of it first
 */
export async function clearRun(
  context: Context,
  record: ContainerRecord,
  options: { force: boolean },
): Promise<void> {
  const { paths, machine, endpoints, volumes } = context;
  if (!existsSync(paths.bundle(record.id))) return volumes.ended?.(record.id);
  const runtime = await machine.runtimes.get(record.host.Runtime || undefined);
  await Promise.all([runtime.delete(record.id, options), endpoints.release(record.id)]);
  await volumes.ended?.(record.id);
  removeBundle(context, record.id);
}

/** Without a PID namespace of its own, a container's other processes don't end with its first one. */
function outlivesItsInit(record: ContainerRecord): boolean {
  return Boolean(record.host.PidMode);
}

function scheduleRestart(context: Context, record: ContainerRecord, ranMs: number): void {
  if (context.closing.aborted) return;
  context.restarts.schedule(record, ranMs, () => void restartByPolicy(context, record));
}

/**
 * The restart that was due, as soon as what the container depends on is there. One that fails is not tried again, as with
 * Docker.
 * @param ready resolves when it may begin, where others are restarted at the same time
 */
export async function restartByPolicy(
  context: Context,
  record: ContainerRecord,
  ready: () => Promise<Disposable | undefined> = async () => undefined,
): Promise<void> {
  await dependenciesMet(context, record);
  using _slot = await ready();
  await context.queues.run(record.id, async () => {
    const wanted = context.repository.byId(record.id) === record && record.state.status === "restarting";
    if (!wanted || context.closing.aborted) return;
    try {
      await launch(context, record, { byHand: false });
    } catch (error) {
      log.warn("cannot restart a container", { container: record.id, error: messageOf(error) });
      context.waiters.exited(record);
    }
  });
}
