import type { observe } from "../../../compose/index.ts";
import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { timeOf } from "../../text/timestamps.ts";
import { shownOn } from "../../text/visible.ts";
import { compose, Interruption } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show what happens to containers",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    json: bool("Print a line of JSON for each event"),
    since: string("Begin with what happened since a time"),
    until: string("End at a time"),
  },
  async run({ cli, session, args, flags }) {
    const when = { since: timeOf("since", flags.since), until: timeOf("until", flags.until) };
    const { name } = await session.find(args);
    const { observe } = await compose();
    using interruption = new Interruption();
    const { signal } = interruption;
    const show = flags.json ? jsonOf : textOf;
    try {
      const events = observe.projectEvents(await session.engine(), name, { services: args, ...when, signal });
      for await (const event of events) cli.line(show(event));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return signal.aborted ? 130 : 0;
  },
});

/** Keys in the order of the alphabet, as Docker Compose prints them. */
export function jsonOf({ time, service, container, action, attributes }: observe.ProjectEvent): string {
  const sorted = Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({
    action,
    attributes: sorted,
    id: container,
    service,
    time: iso(time),
    type: "container",
  });
}

/** `2024-05-01 12:30:00.123456 container start 4f… (image=busybox, name=shop-web-1)` */
export function textOf({ time, container, action, attributes }: observe.ProjectEvent): string {
  const pairs = Object.entries(attributes)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const [day, clock] = iso(time).split("T");
  const when = `${day} ${clock!.slice(0, 8)}.${String(time % 1_000_000_000n)
    .padStart(9, "0")
    .slice(0, 6)}`;
  return shownOn(1, `${when} container ${action} ${container} (${pairs.join(", ")})`);
}

/** RFC 3339 in UTC, with as many digits of the second's fraction as are not zero. */
function iso(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${seconds}${fraction === "" ? "" : `.${fraction}`}Z`;
}
