import { invalidParameter } from "../lib/index.ts";
import { ANONYMOUS_LABEL } from "./names.ts";
import type { VolumeRecord } from "./records.ts";

/** Values by filter name, as the API gets them. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** @throws InvalidParameter `invalid filter 'x'` */
function onlyKnown(filters: Filters, known: readonly string[]): void {
  for (const name of Object.keys(filters)) {
    if (!known.includes(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
}

/** For `volume ls`: any value of one filter is enough, except of `label`, and every filter must agree. */
export function listFilter(filters: Filters): (volume: VolumeRecord, inUse: boolean) => boolean {
  onlyKnown(filters, ["dangling", "driver", "label", "name"]);
  const dangling = flag("dangling", filters["dangling"]);
  const names = filters["name"] ?? [];
  const drivers = filters["driver"] ?? [];
  const labels = filters["label"] ?? [];
  return (volume, inUse) =>
    (dangling === undefined || dangling !== inUse) &&
    (drivers.length === 0 || drivers.includes(volume.driver)) &&
    (names.length === 0 || names.some((name) => volume.name.includes(name))) &&
    labels.every((label) => hasLabel(volume.labels, label));
}

/** For `volume prune`: anonymous volumes only, unless `all` is asked for. */
export function pruneFilter(filters: Filters): (volume: VolumeRecord) => boolean {
  onlyKnown(filters, ["all", "label", "label!"]);
  const all = flag("all", filters["all"]) ?? false;
  const labels = filters["label"] ?? [];
  const without = filters["label!"] ?? [];
  return (volume) =>
    (all || ANONYMOUS_LABEL in volume.labels) &&
    labels.every((label) => hasLabel(volume.labels, label)) &&
    !without.some((label) => hasLabel(volume.labels, label));
}

/** `key` or `key=value` */
function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, at);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(at + 1);
}

function flag(name: string, values: readonly string[] | undefined): boolean | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const texts = new Set(values.map((value) => value.toLowerCase()));
  const yes = texts.has("true") || texts.has("1");
  const no = texts.has("false") || texts.has("0");
  if (yes === no) throw invalidParameter(`invalid filter '${name}=[${values.join(" ")}]'`);
  return yes;
}
