import type { VersionLimits } from "../images/index.ts";
import { parseDurationNs } from "../lib/dockerfile/index.ts";
import type { SettingValues } from "./config-file.ts";

const COUNT = 10;
/** A name that is built every few minutes for a month; more is a mistake. */
const COUNT_MAX = 10_000;

/** `image-versions` of daemon.json: how many versions of each name are kept, or that and for how long. */
export function versionLimitsOf(values: SettingValues): VersionLimits {
  const value = values.get("image-versions") as number | { count?: number; age?: string } | undefined;
  if (value === undefined || typeof value === "number") return { count: value ?? COUNT, ageMs: undefined };
  const { count = COUNT, age } = value;
  return { count, ageMs: age === undefined ? undefined : parseDurationNs(age) / 1e6 };
}

/** What is wrong with a value of `image-versions`. */
export function versionLimitsProblem(value: unknown): string | undefined {
  const example = 'must be a number from 0 to 10000, or like {"count": 10, "age": "720h"}';
  const isCount = (count: unknown) =>
    Number.isInteger(count) && (count as number) >= 0 && (count as number) <= COUNT_MAX;
  if (isCount(value)) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return example;
  for (const [key, field] of Object.entries(value)) {
    if (!(key === "count" ? isCount(field) : key === "age" && isAge(field))) return example;
  }
  return undefined;
}

function isAge(value: unknown): boolean {
  try {
    return typeof value === "string" && parseDurationNs(value) > 0;
  } catch {
    return false;
  }
}
