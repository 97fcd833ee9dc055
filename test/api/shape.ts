/**
 * What a JSON value looks like, in few characters:
 * - a word: `string`, `integer`, `number`, `boolean`, `any`, `binary` (bytes, not JSON), or the name of a type;
 * - `=a|b`: one of these words;
 * - `[X]`: a list of X; `[X, null]`: X or null;
 * - `{ "*": X }`: a map;
 * - `{ "Name!": X, "Other": Y }`: a struct; `!`: the field is always there.
 */
export type Shape = string | readonly [Shape] | readonly [Shape, null] | StructShape;
export interface StructShape {
  readonly [field: string]: Shape;
}

export type Types = Readonly<Record<string, Shape>>;

export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly shape: Shape;
}

const PLAIN = new Set(["string", "integer", "number", "boolean", "any", "binary"]);

export function isNamed(shape: Shape): shape is string {
  return typeof shape === "string" && !PLAIN.has(shape) && !shape.startsWith("=");
}

/** Follows names, and takes `null` off. */
export function resolve(shape: Shape, types: Types): Shape {
  if (isNamed(shape)) {
    const named = types[shape];
    if (named === undefined) throw new Error(`there is no type ${shape}`);
    return resolve(named, types);
  }
  if (Array.isArray(shape) && shape.length === 2) return resolve(shape[0] as Shape, types);
  return shape;
}

/** Fields of a struct; undefined for everything else. */
export function fieldsOf(shape: Shape): readonly Field[] | undefined {
  if (typeof shape === "string" || Array.isArray(shape) || "*" in shape) return undefined;
  return Object.entries(shape as StructShape).map(([key, value]) => {
    const required = key.endsWith("!");
    return { name: required ? key.slice(0, -1) : key, required, shape: value };
  });
}

/** What is in a list or a map; undefined for everything else. */
export function itemOf(shape: Shape): Shape | undefined {
  if (typeof shape === "string") return undefined;
  if (Array.isArray(shape)) return shape.length === 1 ? (shape[0] as Shape) : undefined;
  return (shape as StructShape)["*"];
}

/** What a walk over values has found. */
export interface Findings {
  /** Differences between values and their shapes: where, without indexes and keys, and what. */
  readonly differences: Set<string>;
  /** Fields that had a value but null, as `Type.Field`, or `label.Field` where the struct has no name. */
  readonly seen: Set<string>;
}

/** Compares a value with its shape. */
export function compare(
  label: string,
  shape: Shape,
  value: unknown,
  types: Types,
  into: Findings,
  at = "",
): void {
  if (isNamed(shape)) {
    const named = types[shape];
    if (named === undefined) throw new Error(`there is no type ${shape}`);
    compare(shape, named, value, types, into, at);
    return;
  }
  if (Array.isArray(shape) && shape.length === 2) {
    if (value !== null) compare(label, shape[0] as Shape, value, types, into, at);
    return;
  }
  const item = itemOf(shape);
  const differs = (text: string) => into.differences.add(`${at === "" ? "." : at}: ${text}`);
  if (typeof shape === "string") {
    if (!isOfWord(shape, value)) differs(`${show(value)} is not ${shape}`);
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) differs(`${show(value)} is no list`);
    else for (const each of value) compare(label, item!, each, types, into, `${at}[]`);
  } else if (typeof value !== "object" || value === null || Array.isArray(value)) {
    differs(`${show(value)} is no object`);
  } else if (item !== undefined) {
    for (const each of Object.values(value)) compare(label, item, each, types, into, `${at}.*`);
  } else {
    compareStruct(label, fieldsOf(shape)!, value as Record<string, unknown>, types, into, at);
  }
}

function compareStruct(
  label: string,
  fields: readonly Field[],
  value: Readonly<Record<string, unknown>>,
  types: Types,
  into: Findings,
  at: string,
): void {
  for (const { name, required, shape } of fields) {
    if (!Object.hasOwn(value, name)) {
      if (required) into.differences.add(`${at}.${name}: is missing`);
      continue;
    }
    const field = `${label}.${name}`;
    if (value[name] !== null) into.seen.add(field);
    compare(field, shape, value[name], types, into, `${at}.${name}`);
  }
  const known = new Set(fields.map(({ name }) => name));
  for (const name of Object.keys(value)) {
    // A struct of which the description names no field may have any.
    if (fields.length > 0 && !known.has(name)) into.differences.add(`${at}.${name}: is unknown`);
  }
}

function isOfWord(word: string, value: unknown): boolean {
  switch (word) {
    case "any":
      return true;
    case "integer":
      return Number.isInteger(value);
    case "number":
    case "string":
    case "boolean":
      return typeof value === word;
    default:
      return word.startsWith("=") && typeof value === "string" && word.slice(1).split("|").includes(value);
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
