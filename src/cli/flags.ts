import { parseDuration } from "./text/duration.ts";
import { parseBool, parseInt64, parseUint } from "./text/numbers.ts";
import { parseRamBytes } from "./text/units.ts";

/** What the shell completes a value or an argument with. */
export type Completion =
  | "containers"
  | "all-containers"
  | "images"
  | "volumes"
  | "networks"
  | "contexts"
  | "files"
  | "environment"
  | "signals"
  | readonly string[];

/** One flag of a command: what help shows, how a text becomes a value, and how repeats add up. */
export interface Flag<T = unknown> {
  /** Docker's word for the value's kind, as help shows it; empty for switches. */
  readonly type: string;
  readonly short?: string;
  readonly description: string;
  /** The value where the flag is not given. */
  readonly initial: T;
  /** Takes one more text. @throws an Error whose message follows `invalid argument "…" for "--x" flag: `. */
  take(text: string, before: T): T;
  /** Needs no argument: given alone it means `true`. */
  readonly isSwitch?: boolean;
  /** Known, but not shown. */
  readonly hidden?: boolean;
  /** Shown as `(default …)`. */
  readonly shownDefault?: string;
  /** Only Windows engines have it. */
  readonly windows?: boolean;
  readonly complete?: Completion;
}

export type Flags = Readonly<Record<string, Flag>>;

/** The values of parsed flags, each of its flag's type. */
export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** Everything but what the kind of flag itself decides. */
interface Details<T> {
  readonly short?: string;
  readonly initial?: T;
  readonly hidden?: boolean;
  readonly windows?: boolean;
  readonly complete?: Completion;
  /** Help's word for the value, where it differs from the kind's own. */
  readonly type?: string;
}

export function bool(description: string, details: Details<boolean> = {}): Flag<boolean> {
  const { initial = false, ...rest } = details;
  const shown = initial ? { shownDefault: "true" } : {};
  return { type: "", isSwitch: true, ...shown, ...rest, description, initial, take: parseBool };
}

export function string(description: string, details: Details<string> = {}): Flag<string> {
  const { initial = "", ...rest } = details;
  const shown = initial === "" ? {} : { shownDefault: JSON.stringify(initial) };
  return { type: "string", ...shown, ...rest, description, initial, take: (text) => text };
}

/** May be given several times. @param check gives the value to keep, or throws. */
export function list(
  description: string,
  details: Details<readonly string[]> & { check?: (text: string) => string } = {},
): Flag<readonly string[]> {
  const { initial = [], check = (text: string) => text, ...rest } = details;
  return { type: "list", ...rest, description, initial, take: (text, before) => [...before, check(text)] };
}

/** Values separated by commas, and repeats (pflag's `strings`). */
export function strings(
  description: string,
  details: Details<readonly string[]> = {},
): Flag<readonly string[]> {
  const take = (text: string, before: readonly string[]) => [
    ...before,
    ...(text === "" ? [] : text.split(",")),
  ];
  return { type: "strings", ...details, description, initial: details.initial ?? [], take };
}

export function int(description: string, details: Details<number> = {}): Flag<number> {
  const { initial = 0, ...rest } = details;
  const shown = initial === 0 ? {} : { shownDefault: String(initial) };
  return { type: "int", ...shown, ...rest, description, initial, take: parseInt64 };
}

export function uint(description: string, bits: 16 | 64, details: Details<number> = {}): Flag<number> {
  const type = bits === 16 ? "uint16" : "uint";
  return {
    type,
    ...details,
    description,
    initial: details.initial ?? 0,
    take: (text) => parseUint(text, bits),
  };
}

/** Sizes such as `512m`, in bytes. */
export function bytes(
  description: string,
  details: Details<number> & { unlimited?: boolean } = {},
): Flag<number> {
  const { unlimited = false, initial = 0, ...rest } = details;
  const take = (text: string) => (unlimited && text === "-1" ? -1 : parseRamBytes(text));
  return { type: "bytes", ...rest, description, initial, take };
}

/** Durations such as `1m30s`, in nanoseconds. */
export function duration(description: string, details: Details<number> = {}): Flag<number> {
  return { type: "duration", ...details, description, initial: details.initial ?? 0, take: parseDuration };
}

/** `key=value`, several times. @param check gives the text to keep, or throws. */
export function map(
  description: string,
  details: Details<Readonly<Record<string, string>>> & { check?: (text: string) => string } = {},
): Flag<Readonly<Record<string, string>>> {
  const { check = (text: string) => text, initial = {}, ...rest } = details;
  const take = (text: string, before: Readonly<Record<string, string>>) => {
    const [key, value] = cut(check(text), "=");
    return { ...before, [key]: value ?? "" };
  };
  return { type: "map", ...rest, description, initial, take };
}

/** `name=value` conditions. */
export function filter(
  description: string,
  details: { short?: string; complete?: Completion } = { short: "f" },
): Flag<Readonly<Record<string, readonly string[]>>> {
  const take = (text: string, before: Readonly<Record<string, readonly string[]>>) => {
    if (text === "") return before;
    const [name, value] = cut(text, "=");
    if (value === undefined) throw new Error("bad format of filter (expected name=value)");
    const key = name.trim().toLowerCase();
    return { ...before, [key]: [...(before[key] ?? []), value.trim()] };
  };
  return { type: "filter", ...details, description, initial: {}, take };
}

/** Splits at the first separator; without one, the second part is undefined. */
export function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
