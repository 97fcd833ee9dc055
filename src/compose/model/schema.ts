import type { Static, TSchema, TUnsafe } from "typebox";

/**
 * The vocabulary in which a Compose project is described once. From one description come the TypeScript types, the
 * check of what people write (with the syntaxes that each attribute allows), the merging of files, and the canonical
 * output. What a schema describes is the canonical form; `rules` say how to get there and back.
 */
export type Rules =
  | TextRules
  | FlagRules
  | NumberRules
  | { readonly kind: "anyText" | "bytes" | "duration" | "command" | "test" | "mode" | "count" | "external" }
  | PairsRules
  | { readonly kind: "hosts" }
  | { readonly kind: "keys" }
  | ListRules
  | MapRules
  | StructRules;

/** What every schema may say besides. */
export interface Common {
  /** How a later file's value meets an earlier one, where it is not the kind's own way. */
  readonly merge?: "replace" | "same-driver" | "subnets";
  /** A path of the machine that reads the project, and how it is made absolute. */
  readonly path?: "file" | "context" | "bind" | "link";
  /** Shown although it is empty, `false` or 0, because being there has a meaning: Go's pointers. */
  readonly kept?: boolean;
  /** In JSON shown although it is empty: Go's structs that are no pointers. */
  readonly always?: boolean;
  /** Found out while loading, never written nor shown. */
  readonly internal?: boolean;
  /** JSON's own name for the field, where it is not that of the file. */
  readonly jsonName?: string;
}

export interface TextRules {
  readonly kind: "text";
  readonly words?: readonly string[];
  readonly pattern?: RegExp;
  readonly nullable?: boolean;
}

export interface FlagRules {
  readonly kind: "flag";
  /** No text: `"true"` is refused. */
  readonly strict?: boolean;
  /** What it is when it is not said; then only the other is shown. */
  readonly otherwise?: boolean;
}

export interface NumberRules {
  readonly kind: "integer" | "decimal";
  /** No text: `"3"` is refused. */
  readonly strict?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** `KEY: value` or a list of `KEY=value`. */
export interface PairsRules {
  readonly kind: "pairs";
  /** What a key without value is: nothing yet (`environment`), or an empty text. */
  readonly lone: "null" | "empty";
  /** Only as a mapping. */
  readonly noList?: boolean;
  /** Values that are lists, too (`provider.options`). */
  readonly lists?: boolean;
  /** The values are paths. */
  readonly valuePath?: Common["path"];
}

export interface ListRules {
  readonly kind: "list";
  readonly items: TSchema;
  /** A single value may stand for a list of one. */
  readonly lone?: boolean;
  /** A later item with an earlier one's key takes its place. */
  readonly unique?: Indexer;
  /** An item may stand for several, or a word for the list. */
  readonly short?: ListShort;
}

/** How list items are told apart: by themselves, by what stands before `=`, or by the fields of their long syntax. */
export type Indexer = "self" | "name" | "target" | "port" | "path" | "secret" | "config";

/** Short syntaxes of whole lists. */
export type ListShort = "ports" | "gpus";

export interface MapRules {
  readonly kind: "map";
  readonly values: TSchema;
  readonly names: RegExp;
  /** A list of names may stand for a mapping: each with this value. */
  readonly fromList?: "null" | "dependency";
  readonly nullable?: boolean;
}

export interface StructRules {
  readonly kind: "struct";
  readonly properties: Readonly<Record<string, TSchema>>;
  readonly required: readonly string[];
  /** Whether `x-…` fields are allowed. */
  readonly extensions: boolean;
  readonly nullable?: boolean;
  /** Short syntax: what a lone text (or number) stands for. */
  readonly short?: StructShort;
  /** Set where nothing was said, once all files are merged. */
  readonly defaults?: Readonly<Record<string, string | boolean>>;
}

export type StructShort =
  | "build"
  | "volume"
  | "device"
  | "file-mount"
  | "env-file"
  | "extends"
  | "include"
  | "ulimit";

const RULES = "x-compose";

/** How a schema's values are read, merged and shown. */
export function rulesOf(schema: TSchema): Rules & Common {
  return (schema as TSchema & { [RULES]: Rules & Common })[RULES];
}

function typed<T>(json: object, rules: Rules & Common): TUnsafe<T> {
  // What typebox's own `Unsafe` would make; its module takes longer to load than a project to read.
  return { ...json, [RULES]: rules } as unknown as TUnsafe<T>;
}

/** The same schema with something said besides. */
export function but<T extends TSchema>(schema: T, more: Common): T {
  return { ...schema, [RULES]: { ...rulesOf(schema), ...more } };
}

/** Being there has a meaning, even when empty. */
export const kept = <T extends TSchema>(schema: T): T => but(schema, { kept: true });

export const Text = typed<string>({ type: "string" }, { kind: "text" });
/** A text, or nothing. */
export const TextOrNull = typed<string | null>(
  { type: ["string", "null"] },
  { kind: "text", nullable: true },
);
/** A text that may be written as a boolean or a number. */
export const AnyText = typed<string>({ type: "string" }, { kind: "anyText" });
export const Flag = typed<boolean>({ type: "boolean" }, { kind: "flag" });
export const StrictFlag = typed<boolean>({ type: "boolean" }, { kind: "flag", strict: true });
/** True unless said otherwise. */
export const OptOut = typed<boolean>({ type: "boolean" }, { kind: "flag", otherwise: true });
/** Milliseconds and finer: nanoseconds. Written as `1m30s`. */
export const Duration = typed<number>({ type: "number" }, { kind: "duration" });
/** Bytes. Written as a number or as `64m`; units are powers of 1024. */
export const Bytes = typed<number>({ type: "integer" }, { kind: "bytes" });
/** A file's mode. */
export const FileMode = typed<number>({ type: "integer" }, { kind: "mode" });
/** How many devices; -1: all. */
export const DeviceCount = typed<number>({ type: "integer" }, { kind: "count" });
/** A program and its arguments; `null`: what the image says, `[]`: nothing. */
export const Command = typed<string[] | null>(
  { type: ["array", "null"], items: { type: "string" } },
  { kind: "command", merge: "replace" },
);
/** `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`. */
export const HealthTest = typed<string[]>(
  { type: "array", items: { type: "string" } },
  { kind: "test", merge: "replace" },
);
/** Made by somebody else. `{name: …}` is the old way to say under which name. */
export const External = typed<boolean>({ type: "boolean" }, { kind: "external" });

const TEXT_MAP = { type: "object", additionalProperties: { type: "string" } };

/** Variables; `null`: to be taken from the environment, and left out where that has none. */
export const Variables = typed<Record<string, string | null>>(
  { type: "object", additionalProperties: { type: ["string", "null"] } },
  { kind: "pairs", lone: "null" },
);
/** Names with values, as a mapping or as a list of `name=value`. */
export const Pairs = typed<Record<string, string>>(TEXT_MAP, { kind: "pairs", lone: "empty" });
/** Names with values, as a mapping only. */
export const Options = typed<Record<string, string>>(TEXT_MAP, {
  kind: "pairs",
  lone: "empty",
  noList: true,
});
/** Options that may be given several times. */
export const RepeatedOptions = typed<Record<string, string[]>>(
  { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
  { kind: "pairs", lone: "empty", noList: true, lists: true },
);
/** Build contexts by name: paths, URLs, `service:…`. */
export const Contexts = typed<Record<string, string>>(TEXT_MAP, {
  kind: "pairs",
  lone: "empty",
  valuePath: "context",
});
/** Host names with their addresses. */
export const Hosts = typed<Record<string, string[]>>(
  { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
  { kind: "hosts" },
);
/** SSH agents and keys by id; `null`: the agent of the environment. */
export const SshKeys = typed<Record<string, string | null>>(
  { type: "object", additionalProperties: { type: ["string", "null"] } },
  { kind: "keys" },
);

/** One of these words. */
export const oneOf = <const W extends readonly string[]>(...words: W): TUnsafe<W[number]> =>
  typed<W[number]>({ enum: words }, { kind: "text", words });
/** A text of this form. */
export const matching = (pattern: RegExp): TUnsafe<string> =>
  typed<string>({ type: "string", pattern: pattern.source }, { kind: "text", pattern });

export interface Range {
  readonly strict?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}
export const integer = (range: Range = {}): TUnsafe<number> =>
  typed<number>({ type: "integer", ...range }, { kind: "integer", ...range });
export const decimal = (range: Range = {}): TUnsafe<number> =>
  typed<number>({ type: "number", ...range }, { kind: "decimal", ...range });

export const list = <T extends TSchema>(
  items: T,
  more: Omit<ListRules, "kind" | "items"> & Common = {},
): TUnsafe<Static<T>[]> => typed<Static<T>[]>({ type: "array", items }, { kind: "list", items, ...more });

export const Texts = list(Text);
/** Texts that come once each. */
export const Distinct = list(Text, { unique: "name" });
/** One text, or a list. */
export const TextOrTexts = list(Text, { lone: true });
export const TextOrSet = list(Text, { lone: true, unique: "name" });

/** Names of services, networks, volumes, … */
export const NAMES = /^[a-zA-Z0-9._-]+$/;

export const map = <T extends TSchema>(
  values: T,
  more: Partial<Omit<MapRules, "kind" | "values">> & Common = {},
): TUnsafe<Record<string, Static<T>>> =>
  typed<Record<string, Static<T>>>(
    { type: "object", additionalProperties: values },
    { kind: "map", values, names: NAMES, ...more },
  );

type Struct<P extends Record<string, TSchema>, R extends keyof P> = { [K in R]: Static<P[K]> } & {
  [K in Exclude<keyof P, R>]?: Static<P[K]>;
} & { [extension: `x-${string}`]: unknown };

/**
 * A mapping with known fields, in the order in which they are shown. `x-…` fields are allowed, and kept.
 */
export function struct<P extends Record<string, TSchema>, const R extends keyof P & string = never>(
  properties: P,
  more: Partial<Omit<StructRules, "kind" | "properties" | "required">> &
    Common & { readonly required?: readonly R[] } = {},
): TUnsafe<Struct<P, R>> {
  const required = more.required ?? [];
  return typed<Struct<P, R>>(
    { type: "object", properties, required },
    { kind: "struct", extensions: true, ...more, properties, required },
  );
}

export type { Static, TSchema } from "typebox";
