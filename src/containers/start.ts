import { conflict, invalidParameter, notModified } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { markedForRemoval } from "./errors.ts";
import { launch } from "./launch.ts";
import type { ContainerRecord } from "./record.ts";

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
