import { type EngineEvent, invalidParameter } from "../../lib/index.ts";
import type { EventMessage } from "../../wire/index.ts";
import type { Call } from "../call.ts";
import { eventFilter } from "../event-filter.ts";
import type { Router } from "../router.ts";

export interface StampedEvent extends EngineEvent {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
}

/** What this route asks of the engine. */
export interface EventBackend {
  /** Listening begins with the call. */
  subscribe(
    options: { since?: bigint; until?: bigint; filter?: (event: StampedEvent) => boolean },
    signal: AbortSignal,
  ): AsyncIterable<StampedEvent>;
}

export function addEventRoutes(router: Router, events: EventBackend): void {
  router.get("/events", (call) => sendEvents(call, events));
}

async function sendEvents(call: Call, events: EventBackend): Promise<void> {
  const since = call.query.time("since");
  const until = call.query.time("until");
  if (since !== undefined && until !== undefined && since > until) {
    throw invalidParameter(
      `\`since\` time (${call.query.text("since")}) cannot be after \`until\` time (${call.query.text("until")})`,
    );
  }
  const filter = eventFilter(call.query.filters());
  const stream = events.subscribe({ since, until, filter }, call.signal);
  call.begin("application/json");
  for await (const event of stream) {
    const wait = call.send(lineOf(event));
    if (wait !== undefined) await wait;
  }
  call.end();
}

// Hundreds may listen to the same event.
const lines = new WeakMap<StampedEvent, string>();

function lineOf(event: StampedEvent): string {
  let line = lines.get(event);
  if (line === undefined) {
    line = serializeEvent(event);
    lines.set(event, line);
  }
  return line;
}

/** One line. The nanoseconds are written as text: a JavaScript number would round them. */
export function serializeEvent(event: StampedEvent): string {
  const { type, action, actorId, attributes, timeNs } = event;
  const message: Omit<EventMessage, "timeNano"> = {
    ...legacyFields(event),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: "local",
    time: Number(timeNs / 1_000_000_000n),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${timeNs}}\n`;
}

function legacyFields({ type, action, actorId, attributes }: EngineEvent): Partial<EventMessage> {
  if (type === "container") return { status: action, id: actorId, from: attributes["image"] ?? "" };
  if (type === "image") return { status: action, id: actorId };
  return {};
}
