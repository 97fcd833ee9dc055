import { invalidParameter } from "../../lib/index.ts";
import type { CacheRecordSummary } from "../builder-contract.ts";

/** What a filter lets through, and how long a record must not have been used. */
export interface RecordFilter {
  matches(record: CacheRecordSummary): boolean;
  readonly unusedForMs: number;
}

type Check = (record: CacheRecordSummary) => boolean;

const FLAGS: Readonly<Record<string, Check>> = {
  inuse: ({ inUse }) => inUse,
  shared: ({ shared }) => shared,
  private: ({ shared }) => !shared,
};
const TEXTS: Readonly<Record<string, (record: CacheRecordSummary, value: string) => boolean>> = {
  id: ({ id }, value) => id === value,
  parent: ({ parents }, value) => parents.includes(value),
  parents: ({ parents }, value) => parents.includes(value),
  type: ({ type }, value) => type === value,
  description: ({ description }, value) => description === value,
};

/**
 * Docker's filters of `builder prune`. All must fit; each is given once.
 * @throws InvalidParameter
 */
export function recordFilter(
  filters: Readonly<Record<string, readonly string[]>>,
  nowMs: number,
): RecordFilter {
  const checks: Check[] = [];
  let unusedForMs = 0;
  for (const [name, values] of Object.entries(filters)) {
    if (values.length === 0) continue;
    if (values.length > 1)
      throw invalidParameter(`filter ${JSON.stringify(name)}: filters expect only one value`);
    const value = values[0]!;
    const flag = FLAGS[name];
    const text = TEXTS[name];
    if (name === "until" || name === "unused-for") unusedForMs = unusedFor(name, value, nowMs);
    else if (flag !== undefined)
      checks.push(value === "false" || value === "0" ? (record) => !flag(record) : flag);
    else if (text !== undefined) checks.push((record) => text(record, value));
    else if (name !== "label" && name !== "label!") throw invalidParameter(`invalid filter '${name}'`);
    // `system prune --filter label=…` says it to all kinds of things; records of the cache have no labels to have it.
    else checks.push(() => name === "label!");
  }
  return { matches: (record) => checks.every((check) => check(record)), unusedForMs };
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d{1,12}(?:\.\d{1,9})?(?:ms|s|m|h))+$/;

/** A duration (`48h`, `1h30m`), or a time: seconds since 1970, or RFC 3339. */
function unusedFor(name: string, value: string, nowMs: number): number {
  if (value.length > 64) throw invalidParameter(`invalid value for ${JSON.stringify(name)} filter`);
  if (DURATION.test(value)) {
    const parts = value.matchAll(/([\d.]+)(ms|s|m|h)/g);
    return [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0);
  }
  const time = /^\d{1,10}(?:\.\d{1,9})?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isNaN(time))
    throw invalidParameter(`invalid value for ${JSON.stringify(name)} filter: ${value}`);
  return Math.max(0, nowMs - time);
}
