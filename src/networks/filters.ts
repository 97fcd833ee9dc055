import { invalidParameter } from "../lib/index.ts";
import type { NetworkRecord } from "./records.ts";

/** Values by filter name, as the API gets them. */
export type Filters = Readonly<Record<string, readonly string[]>>;

const KNOWN = new Set(["dangling", "driver", "id", "label", "name", "scope", "type"]);

/**
 * For `network ls`: any value of one filter is enough, except of `label`, and every filter must agree.
 * @throws InvalidParameter in Docker's words
 */
export function networkFilter(filters: Filters): (network: NetworkRecord, inUse: boolean) => boolean {
  for (const name of Object.keys(filters)) {
    if (!KNOWN.has(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
  const any = (name: string, matches: (value: string) => boolean) => {
    const values = filters[name] ?? [];
    return values.length === 0 || values.some(matches);
  };
  for (const type of filters["type"] ?? []) {
    if (type !== "custom" && type !== "builtin") throw invalidParameter(`invalid filter 'type=${type}'`);
  }
  const dangling = flag(filters["dangling"]);
  return (network, inUse) =>
    any("driver", (value) => network.driver === value) &&
    any("id", (value) => network.id.startsWith(value)) &&
    any("name", (value) => network.name.includes(value)) &&
    any("scope", (value) => value === "local") &&
    any("type", (value) => (value === "builtin") === (network.predefined === true)) &&
    (dangling === undefined || dangling === (!inUse && network.predefined !== true)) &&
    (filters["label"] ?? []).every((label) => hasLabel(network.labels, label));
}

/** For `network prune`. */
export function pruneFilter(filters: Filters): (network: NetworkRecord) => boolean {
  for (const name of Object.keys(filters)) {
    if (!["label", "label!", "until"].includes(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
  const until = (filters["until"] ?? []).map(momentOf);
  return (network) =>
    (filters["label"] ?? []).every((label) => hasLabel(network.labels, label)) &&
    !(filters["label!"] ?? []).some((label) => hasLabel(network.labels, label)) &&
    until.every((moment) => Date.parse(network.created) < moment);
}

/** `key` or `key=value` */
function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, at);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(at + 1);
}

function flag(values: readonly string[] | undefined): boolean | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const texts = values.map((value) => value.toLowerCase());
  const yes = texts.some((text) => text === "true" || text === "1");
  const no = texts.some((text) => text === "false" || text === "0");
  if (yes === no) throw invalidParameter(`invalid filter 'dangling=[${values.join(" ")}]'`);
  return yes;
}

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Unix seconds, a date, or a Go duration back from now (`1h30m`). Milliseconds since 1970. */
function momentOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) {
    let span = 0;
    for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g))
      span += Number(amount) * UNITS_MS[unit!]!;
    return Date.now() - span;
  }
  const date = Date.parse(text);
  if (Number.isNaN(date))
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return date;
}
