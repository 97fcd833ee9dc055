import { type EngineEvent, invalidParameter } from "../lib/index.ts";
import type { Filters } from "./filters.ts";

type Predicate = (event: EngineEvent) => boolean;

const any = (values: readonly string[], test: (value: string) => boolean) => values.some(test);

/** Matches an id or name by its beginning, as `docker events --filter container=` does. */
const beginsWith = (text: string | undefined) => (value: string) => text?.startsWith(value) ?? false;

const FILTERS: Readonly<Record<string, (values: readonly string[]) => Predicate>> = {
  type: (values) => (event) => values.includes(event.type),
  event: (values) => (event) => {
    const colon = event.action.indexOf(":");
    return values.includes(event.action) || (colon > 0 && values.includes(event.action.slice(0, colon)));
  },
  scope: (values) => () => values.includes("local"),
  container: byBeginning("container"),
  network: byBeginning("network"),
  daemon: byBeginning("daemon"),
  plugin: byBeginning("plugin"),
  volume: byBeginning("volume"),
  image: (values) => (event) => any(values, isImage(event)),
  label: (values) => (event) =>
    values.every((value) => {
      const equals = value.indexOf("=");
      return equals < 0
        ? Object.hasOwn(event.attributes, value)
        : event.attributes[value.slice(0, equals)] === value.slice(equals + 1);
    }),
  // Only a swarm has these.
  node: () => () => false,
  service: () => () => false,
  secret: () => () => false,
  config: () => () => false,
};

function byBeginning(type: string): (values: readonly string[]) => Predicate {
  return (values) => (event) =>
    event.type === type &&
    (any(values, beginsWith(event.actorId)) || any(values, beginsWith(event.attributes["name"])));
}

/** An image is named with or without its tag: in its own events and in those of its containers. */
function isImage(event: EngineEvent): (value: string) => boolean {
  const name = event.type === "image" ? event.attributes["name"] : event.attributes["image"];
  const id = event.type === "image" ? event.actorId : undefined;
  return (value) =>
    [name, id].some((text) => text !== undefined && (text === value || withoutTag(text) === value));
}

function withoutTag(reference: string): string {
  const colon = reference.lastIndexOf(":");
  return colon > reference.lastIndexOf("/") ? reference.slice(0, colon) : reference;
}

/** The filters of `/events`. @throws InvalidParameter `invalid filter 'x'` */
export function eventFilter(filters: Filters): Predicate | undefined {
  const predicates: Predicate[] = [];
  for (const [key, values] of Object.entries(filters)) {
    const make = Object.hasOwn(FILTERS, key) ? FILTERS[key] : undefined;
    if (make === undefined) throw invalidParameter(`invalid filter '${key}'`);
    if (values.length > 0) predicates.push(make(values));
  }
  return predicates.length === 0 ? undefined : (event) => predicates.every((matches) => matches(event));
}
