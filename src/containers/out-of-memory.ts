import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { isRunning } from "./record.ts";

/** The kernel ended something in a container for want of memory; the container itself may well go on. */
export function tellOutOfMemory(context: Context, id: string): void {
  const record = context.repository.byId(id);
  if (record === undefined || !isRunning(record)) return;
  if (!record.state.oomKilled) {
    record.state.oomKilled = true;
    context.repository.saveState(record);
  }
  emit(context, record, "oom");
}
