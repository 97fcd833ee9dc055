import { conflict, messageOf, systemError } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { isRestarting, notRunning } from "./errors.ts";
import { emit } from "./events.ts";
import { type ContainerRecord, isRunning } from "./record.ts";

/** `docker pause`: freezes all processes. @throws Conflict */
export function pauseContainer(context: Context, record: ContainerRecord): Promise<void> {
  return context.queues.run(record.id, async () => {
    if (!isRunning(record)) throw notRunning(record);
    if (record.state.status === "paused") throw conflict(`container ${record.id} is already paused`);
    if (record.state.status === "restarting") throw isRestarting(record);
    const runtime = await context.machine.runtimes.get(record.host.Runtime || undefined);
    await runtime.pause(record.id).catch((error: unknown) => {
      throw systemError(`cannot pause container ${record.id}: ${messageOf(error)}`, error);
    });
    await changeTo(context, record, "paused");
    context.streams.health.pause(record.id);
    emit(context, record, "pause");
  });
}

/** `docker unpause`. @throws System where it is not paused, as Docker does */
export function unpauseContainer(context: Context, record: ContainerRecord): Promise<void> {
  return context.queues.run(record.id, async () => {
    if (record.state.status !== "paused") throw systemError(`Container ${record.id} is not paused`);
    const runtime = await context.machine.runtimes.get(record.host.Runtime || undefined);
    await runtime.resume(record.id).catch((error: unknown) => {
      throw systemError(`Cannot unpause container ${record.id}: ${messageOf(error)}`, error);
    });
    delete record.state.frozen;
    await changeTo(context, record, "running");
    context.streams.health.resume(record.id);
    emit(context, record, "unpause");
  });
}

/** How long a container whose processes are gone may take to be known as ended. */
const ENDING_MS = 2_000;

/** One that ends just now needs no pause, and cannot be paused. */
export async function pauseUnlessEnded(context: Context, record: ContainerRecord): Promise<boolean> {
  const run = context.runs.get(record.id);
  try {
    await pauseContainer(context, record);
    return true;
  } catch (error) {
    await Promise.race([run?.settled, Bun.sleep(ENDING_MS)]);
    if (isRunning(record)) throw error;
    return false;
  }
}

/** Unless it ended meanwhile. */
async function changeTo(
  context: Context,
  record: ContainerRecord,
  status: "running" | "paused",
): Promise<void> {
  if (!isRunning(record)) return;
  record.state.status = status;
  context.repository.saveState(record);
  await context.repository.durable(record);
}
