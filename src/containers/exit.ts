import { existsSync } from "node:fs";
import { faultPoint, log, messageOf } from "../lib/index.ts";
import type { ContainerExit } from "../runtime/index.ts";
import { removeBundle } from "./bundle.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import type { ContainerRecord } from "./record.ts";
import { removeNow } from "./remove.ts";
import { wantsRestart } from "./restart-policy.ts";
import type { Run } from "./run.ts";
import { launch } from "./start.ts";
import { formatDate, parseTime } from "./time.ts";

/**
 * What follows a container's end: everything that the run held is given back, the record tells how it ended, whoever
 * waits is told, and then the policy restarts it or `--rm` removes it. Runs beside the container's queue, once for each
 * run; operations that need a container at rest wait for `run.settled`. Never rejects.
 */
export async function settle(
  context: Context,
  record: ContainerRecord,
  run: Run,
  exit: ContainerExit,
): Promise<void> {
  const ranMs = exit.finishedAt.getTime() - parseTime(record.state.startedAt);
  try {
    context.streams.health.stop(record.id);
    context.streams.execs.endAll(record.id);
    await clearRun(context, record);
    faultPoint("stop:cleaned");
  } catch (error) {
    log.error("cannot clean up after a container", { container: record.id, error: messageOf(error) });
  }
  const restart = !run.final && !run.restarting && mayRestart(record, exit);
  try {
    recordExit(context, record, exit, restart);
    faultPoint("stop:recorded");
    announceExit(context, record, exit, ranMs);
  } catch (error) {
    log.error("cannot record a container's end", { container: record.id, error: messageOf(error) });
  }
  context.exits.forget(record.id);
  context.streams.outputs.ended(record);
  context.waiters.exited(record);
  context.runs.end(run);
  if (restart) scheduleRestart(context, record, ranMs);
  else if (!run.restarting) await removeIfWanted(context, record);
}

function mayRestart(record: ContainerRecord, exit: ContainerExit): boolean {
  const { manuallyStopped, restartCount, phase } = record.state;
  if (phase === "removing") return false;
  return wantsRestart(record.host.RestartPolicy, { exitCode: exit.code, manuallyStopped, restartCount });
}

function recordExit(context: Context, record: ContainerRecord, exit: ContainerExit, restart: boolean): void {
  const { state } = record;
  Object.assign(state, {
    status: restart ? "restarting" : "exited",
    pid: 0,
    exitCode: exit.code,
    oomKilled: exit.oomKilled,
    finishedAt: formatDate(exit.finishedAt),
    ...(restart ? { restartCount: state.restartCount + 1 } : {}),
  });
  delete state.startTime;
  delete state.conmonPid;
  context.repository.saveState(record);
  context.repository
    .durable(record)
    .catch((error: unknown) => log.error("cannot sync a container's end", { error: messageOf(error) }));
}

function announceExit(context: Context, record: ContainerRecord, exit: ContainerExit, ranMs: number): void {
  for (const mount of record.mounts) {
    if (mount.type === "volume") context.volumes.unmounted?.(mount.name!, record.id);
  }
  if (exit.oomKilled) emit(context, record, "oom");
  emit(context, record, "die", {
    exitCode: String(exit.code),
    execDuration: String(Math.max(0, Math.floor(ranMs / 1000))),
  });
}

/**
 * Gives back what a run held: the runtime's and the monitor's state, cgroups, network, bundle. Also before a start, in
 * case the last clean-up failed. Nothing of it need be there.
 */
export async function clearRun(context: Context, record: ContainerRecord): Promise<void> {
  const { paths, machine, endpoints } = context;
  if (!existsSync(paths.bundle(record.id))) return;
  const runtime = await machine.runtimes.get(record.host.Runtime || undefined);
  await Promise.all([
    runtime.delete(record.id, { force: outlivesItsInit(record) }),
    endpoints.release(record.id),
  ]);
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

/** The restart that was due. One that fails is not tried again, as with Docker. */
export async function restartByPolicy(context: Context, record: ContainerRecord): Promise<void> {
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

async function removeIfWanted(context: Context, record: ContainerRecord): Promise<void> {
  if (!record.host.AutoRemove || context.removals.has(record.id)) return;
  await context.queues.run(record.id, async () => {
    const wanted = context.repository.byId(record.id) === record && record.state.status === "exited";
    if (!wanted) return;
    try {
      await removeNow(context, record, { anonymousVolumes: true });
    } catch (error) {
      log.error("cannot remove a container that ended", { container: record.id, error: messageOf(error) });
    }
  });
}
