import { type CachePolicy, defaultKeepBytes, defaultPolicy, type PolicyRule } from "../build/index.ts";
import { invalidParameter } from "../lib/index.ts";
import type { SettingValues } from "./config-file.ts";

/** `builder` of daemon.json, with dockerd's keys. */
interface BuilderSetting {
  readonly gc?: GcSetting;
}

interface SpaceSetting {
  /** Docker's older word for `reservedSpace`. */
  readonly keepStorage?: Size;
  readonly reservedSpace?: Size;
  readonly maxUsedSpace?: Size;
  readonly minFreeSpace?: Size;
}

interface GcSetting {
  readonly enabled?: boolean;
  readonly defaultKeepStorage?: Size;
  readonly defaultReservedSpace?: Size;
  readonly defaultMaxUsedSpace?: Size;
  readonly defaultMinFreeSpace?: Size;
  readonly policy?: readonly (SpaceSetting & {
    readonly all?: boolean;
    readonly filter?: readonly string[] | Readonly<Record<string, readonly string[]>>;
  })[];
}

type Size = string | number;

export interface BuilderConfig {
  /** Undefined: Docker's rules, with a part of the disk as their limit. */
  readonly policy: CachePolicy | undefined;
}

/** @throws InvalidParameter for sizes that are none */
export function builderConfigOf(values: SettingValues): BuilderConfig {
  const { gc = {} } = (values.get("builder") ?? {}) as BuilderSetting;
  return { policy: policyOf(gc) };
}

function policyOf(gc: GcSetting): CachePolicy | undefined {
  if (gc.enabled === false) return { enabled: false, rules: [] };
  if (gc.policy !== undefined && gc.policy.length > 0) {
    return { enabled: true, rules: gc.policy.map((rule) => ruleOf(rule, gc)) };
  }
  const keep = bytesOf(gc.defaultMaxUsedSpace) ?? bytesOf(gc.defaultReservedSpace ?? gc.defaultKeepStorage);
  if (keep === undefined) return undefined;
  const policy = defaultPolicy(keep);
  const minFreeBytes = bytesOf(gc.defaultMinFreeSpace);
  const reservedBytes = bytesOf(gc.defaultReservedSpace ?? gc.defaultKeepStorage);
  return { enabled: true, rules: policy.rules.map((rule) => ({ reservedBytes, minFreeBytes, ...rule })) };
}

function ruleOf(rule: NonNullable<GcSetting["policy"]>[number], gc: GcSetting): PolicyRule {
  return {
    all: rule.all ?? false,
    filters: filtersOf(rule.filter ?? []),
    reservedBytes:
      bytesOf(rule.reservedSpace ?? rule.keepStorage) ??
      bytesOf(gc.defaultReservedSpace ?? gc.defaultKeepStorage),
    maxUsedBytes: bytesOf(rule.maxUsedSpace ?? gc.defaultMaxUsedSpace),
    minFreeBytes: bytesOf(rule.minFreeSpace ?? gc.defaultMinFreeSpace),
  };
}

/** `["unused-for=48h"]`, or, as it is written in newer files, `{"unused-for": ["48h"]}`. */
function filtersOf(
  filter: readonly string[] | Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  if (!Array.isArray(filter)) return filter as Readonly<Record<string, readonly string[]>>;
  return Object.fromEntries(
    filter.map((text: string) => {
      const equals = text.indexOf("=");
      return equals < 0
        ? [text, ["true"]]
        : [text.slice(0, equals), [text.slice(equals + 1).replace(/^=/, "")]];
    }),
  );
}

const UNITS = "kmgtp";

function bytesOf(size: Size | undefined): number | undefined {
  if (size === undefined || typeof size === "number") return size;
  const found = /^(\d+(?:\.\d+)?) ?([kmgtp])?(?:i?b)?$/i.exec(size.trim());
  if (found === null)
    throw invalidParameter(`invalid value for builder.gc: ${JSON.stringify(size)} is no size`);
  const power = found[2] === undefined ? 0 : UNITS.indexOf(found[2].toLowerCase()) + 1;
  return Math.floor(Number(found[1]) * 1024 ** power);
}

/** The rules for a data root. */
export function cachePolicyOf({ policy }: BuilderConfig, dataRoot: string): CachePolicy {
  return policy ?? defaultPolicy(defaultKeepBytes(dataRoot));
}

type Check = (value: unknown) => boolean;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isBoolean: Check = (value) => typeof value === "boolean";
const isSize: Check = (value) =>
  typeof value === "string" || (Number.isSafeInteger(value) && Number(value) >= 0);
const isTexts: Check = (value) => Array.isArray(value) && value.every((text) => typeof text === "string");
const isFilter: Check = (value) => isTexts(value) || (isObject(value) && Object.values(value).every(isTexts));

const SPACE = { keepStorage: isSize, reservedSpace: isSize, maxUsedSpace: isSize, minFreeSpace: isSize };
const isRule: Check = (value) =>
  problemIn(value, { ...SPACE, all: isBoolean, filter: isFilter }) === undefined;
const GC: Readonly<Record<string, Check>> = {
  enabled: isBoolean,
  defaultKeepStorage: isSize,
  defaultReservedSpace: isSize,
  defaultMaxUsedSpace: isSize,
  defaultMinFreeSpace: isSize,
  policy: (value) => Array.isArray(value) && value.every(isRule),
};

/** What is wrong with a value of `builder`. */
export function builderProblem(value: unknown): string | undefined {
  return problemIn(value, {
    gc: (gc) => problemIn(gc, GC) === undefined,
    // Docker's defaults, and the only ones: the host's network where the build's own request names it, more rights never.
    entitlements: (given) =>
      problemIn(given, {
        "network-host": (allowed) => allowed === true,
        "security-insecure": (allowed) => allowed === false,
      }) === undefined,
  });
}

function problemIn(value: unknown, checks: Readonly<Record<string, Check>>): string | undefined {
  const example = 'must be like {"gc": {"enabled": true, "defaultKeepStorage": "20GB"}}';
  if (!isObject(value)) return example;
  const wrong = Object.entries(value).find(([key, field]) => !(checks[key]?.(field) ?? false));
  return wrong === undefined ? undefined : `${wrong[0]}: ${example}`;
}
