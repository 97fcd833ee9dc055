import { Int, nil, opt, type Static, struct, Text, TextMap } from "./schema.ts";

export const EventActorSchema = struct({ ID: Text, Attributes: nil(TextMap) });
export type EventActor = Static<typeof EventActorSchema>;

export const EventMessageSchema = struct({
  // Until v1.51, for containers and images: the action, the actor's id, and the image it came from.
  status: opt(Text),
  id: opt(Text),
  from: opt(Text),
  Type: Text,
  Action: Text,
  Actor: EventActorSchema,
  scope: Text,
  /** Seconds since the epoch. */
  time: Int,
  /** Nanoseconds since the epoch: more digits than a JavaScript number keeps. */
  timeNano: Int,
});
export type EventMessage = Static<typeof EventMessageSchema>;
