import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

/** An event of type container: its labels, then Docker's `image` and `name`, then the event's own facts. */
export function emit(
  context: Pick<Context, "emitEvent">,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  context.emitEvent({
    type: "container",
    action,
    actorId: record.id,
    attributes: {
      ...attributes,
      ...record.config.Labels,
      ...(record.config.Image ? { image: record.config.Image } : {}),
      name: record.name,
    },
  });
}
