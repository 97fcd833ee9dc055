import type { EventMessage } from "../../wire/index.ts";
import { ExitError } from "../errors.ts";
import { filter, string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { localRfc3339Nano } from "../show/go-time.ts";
import { compactJson } from "../show/json-text.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { fromJson, Template } from "../template/index.ts";
import { parseTimestamp } from "../text/timestamps.ts";
import { shownOn } from "../text/visible.ts";

/** A template is tried on this, so that its mistakes show before anything happens. */
const EMPTY_EVENT =
  '{"status":"","id":"","from":"","Type":"","Action":"","Actor":{"ID":"","Attributes":{}},"scope":"","time":0,"timeNano":0}';

export const command = defineCommand({
  summary: "Show what happens in the engine",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    filter: filter("Show only what fulfils a condition (e.g. type=container)"),
    format: string(SHOW_FORMAT_HELP),
    since: string("Begin with what happened since a time"),
    until: string("End at a time"),
  },
  async run({ cli, flags }) {
    const render = await renderer(flags.format);
    const lines = await (await cli.engine()).system.eventLines({
      since: parseTimestamp(flags.since),
      until: parseTimestamp(flags.until),
      filters: flags.filter,
    });
    for await (const line of lines) cli.line(render(line));
  },
});

async function renderer(format: string): Promise<(line: string) => string> {
  if (format === "") return describeEvent;
  if (format === "json") return compactJson;
  if (format === "yaml") return (await import("../show/yaml.ts")).loadYaml().then(documents);
  try {
    const template = new Template(format);
    template.execute(fromJson(EMPTY_EVENT));
    return (line) => template.execute(fromJson(line));
  } catch (error) {
    throw new ExitError(64, `Error parsing format: ${(error as Error).message}`, { cause: error });
  }
}

/** A stream has no end that a list could have: each event is a document. */
function documents(yaml: (json: string) => string): (line: string) => string {
  return (line) => `---\n${yaml(line).trimEnd()}`;
}

/** `2024-05-01T12:30:00.123456789+02:00 container start 4f… (image=busybox, name=web)` */
function describeEvent(line: string): string {
  const { Type, Action, Actor, time } = JSON.parse(line) as EventMessage;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const nanoseconds = /"timeNano":\s*(\d+)/.exec(line)?.[1] ?? `${time}000000000`;
  const when =
    nanoseconds === "0" || nanoseconds === "0000000000" ? "" : `${localRfc3339Nano(BigInt(nanoseconds))} `;
  const details = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return shownOn(1, `${when}${Type} ${Action} ${Actor.ID}${details}`);
}
