import { EngineError, invalidParameter, kindOf, messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { renameInLinks } from "./links.ts";
import { parseName } from "./names.ts";
import type { ContainerRecord } from "./record.ts";

/** `docker rename`. @throws InvalidParameter, Conflict where the name is taken */
export function renameContainer(context: Context, record: ContainerRecord, wanted: string): Promise<void> {
  return context.queues.run(record.id, async () => {
    const oldName = record.name;
    const text = wanted.trim();
    if (text.replace(/^\//, "") === "") throw invalidParameter("Neither old nor new names may be empty");
    if (text.replace(/^\//, "") === oldName) {
      throw invalidParameter("Renaming a container with the same name as its current name");
    }
    try {
      context.repository.rename(record, parseName(text));
    } catch (error) {
      throw new EngineError(kindOf(error), `Error when allocating new name: ${messageOf(error)}`);
    }
    context.endpoints.rename(record.id, record.name);
    renameInLinks(context, oldName, record.name);
    await context.repository.durable(record);
    emit(context, record, "rename", { oldName: `/${oldName}` });
  });
}
