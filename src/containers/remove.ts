import { conflict, EngineError, faultPoint, kindOf, messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { type ContainerRecord, isRunning } from "./record.ts";
import type { RemoveOptions } from "./requests.ts";
import { giveBack } from "./resources.ts";
import { killAndWait } from "./stop.ts";
import { Stopwatch } from "./stopwatch.ts";
import { together } from "./undo.ts";

/**
 * `docker rm`.
 * @param reference as the user wrote it, for the messages
 * @throws Conflict where it runs and `force` is not given, or somebody else is removing it
 */
export async function removeContainer(
  context: Context,
  record: ContainerRecord,
  reference: string,
  options: RemoveOptions,
): Promise<void> {
  if (context.removals.has(record.id)) {
    throw conflict(`removal of container ${reference} is already in progress`);
  }
  context.removals.add(record.id);
  // A start may wait for ever: for an image's /etc/passwd that is a link to /proc/kmsg, for a mount that hangs.
  if (options.force) context.starts.get(record.id)?.abort(conflict("the container is being removed"));
  try {
    await context.queues.run(record.id, async () => {
      if (context.repository.byId(record.id) !== record) return;
      await endForRemoval(context, record, options);
      // One that had to be ended first was removed as it ended.
      if (context.repository.byId(record.id) !== record) return;
      await removeNow(context, record, { anonymousVolumes: options.volumes });
    });
  } catch (error) {
    throw new EngineError(
      kindOf(error),
      `cannot remove container ${JSON.stringify(reference)}: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    context.removals.delete(record.id);
  }
}

async function endForRemoval(
  context: Context,
  record: ContainerRecord,
  options: RemoveOptions,
): Promise<void> {
  if (isRunning(record)) {
    if (!options.force) throw stillRunning(record);
    // From here on a crash of the daemon finishes the removal instead of restarting the container.
    Object.assign(record.state, { phase: "removing", removeVolumes: options.volumes });
    context.repository.saveState(record);
    faultPoint("remove:decided");
    try {
      await killAndWait(context, record);
    } catch (error) {
      delete record.state.phase;
      context.repository.saveState(record);
      throw new EngineError(kindOf(error), `could not kill container: ${messageOf(error)}`, { cause: error });
    }
  }
  await context.runs.get(record.id)?.settled;
}

function stillRunning(record: ContainerRecord): EngineError {
  const { status } = record.state;
  return conflict(
    status === "paused"
      ? "container is paused and must be unpaused first"
      : `container is ${status}: stop the container before removing or force remove`,
  );
}

/**
 * Removes a container that does not run. The caller holds its queue, or has seen to it that nobody starts it.
 * A failure
 * leaves it `dead`; removing it again tries again.
 */
export async function removeNow(
  context: Context,
  record: ContainerRecord,
  options: {
    anonymousVolumes: boolean;
    /** Goes on at the same time. */
    beside?: () => Promise<void>;
    /** Comes when it has left its networks and its volumes. */
    left?: () => void;
    /** Comes when nothing is left but the record. */
    before?: () => void;
  },
): Promise<void> {
  const { state } = record;
  Object.assign(state, { status: "removing", phase: "removing", removeVolumes: options.anonymousVolumes });
  context.repository.saveState(record);
  faultPoint("remove:marked");
  const watch = new Stopwatch();
  try {
    context.restarts.forget(record.id);
    await together([giveBack(context, record, options), options.beside?.()]);
    faultPoint("remove:given-back");
    watch.lap("giveBack");
    options.before?.();
    context.repository.delete(record);
    faultPoint("remove:deleted");
    await context.repository.durable(record);
  } catch (error) {
    Object.assign(state, { status: "dead", error: messageOf(error) });
    context.repository.saveState(record);
    context.waiters.removalFailed(record, messageOf(error));
    throw error;
  }
  watch.lap("record");
  watch.report("container removed", record.id);
  context.stopSampling(record.id);
  emit(context, record, "destroy");
  context.waiters.removed(record);
}
