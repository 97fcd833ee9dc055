import { invalidParameter } from "../lib/index.ts";
import { STRING_OR_LIST, type Static, type TSchema } from "./schema.ts";

/**
 * Reads a parsed JSON value as Go would read it into Docker's structs: names of fields match whatever their
 * case, `null` in a struct's field means that the field was not sent, unknown fields are ignored, and a lone
 * string is a list of one where Docker allows it. The value is changed in place and returned.
 *
 * Folding and checking are one walk over the value, a few microseconds for `docker create`. typebox's own compiler
 * would only check, and took 10 ms at the first request.
 *
 * @throws InvalidParameter naming the field, in the words of Go's `encoding/json`, which scripts match.
 */
export function decode<S extends TSchema>(name: string, schema: S, value: unknown): Static<S> {
  try {
    return read(schema as Shape, value) as Static<S>;
  } catch (error) {
    if (error instanceof Mismatch) throw invalidParameter(`invalid JSON: ${error.describe(name)}`);
    throw error;
  }
}

/** What is read of a schema, whichever kind it is: JSON Schema as typebox writes it. */
interface Shape {
  readonly type?: "string" | "boolean" | "integer" | "array" | "object" | "null";
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly additionalProperties?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly const?: unknown;
  readonly [STRING_OR_LIST]?: boolean;
}

type JsonObject = Record<string, unknown>;

/** The value is not what the schema says. The path grows while the failure passes through the structs. */
class Mismatch extends Error {
  readonly #found: unknown;
  readonly #wanted: Shape;
  readonly path: string[] = [];

  constructor(found: unknown, wanted: Shape) {
    super("mismatch");
    this.#found = found;
    this.#wanted = wanted;
  }

  describe(root: string): string {
    const target = goTypeOf(this.#wanted);
    if (this.path.length === 0) {
      return `json: cannot unmarshal ${jsonTypeOf(this.#found)} into Go value of type ${root}`;
    }
    const field = `${root}.${this.path.join(".")}`;
    if (this.#found === undefined) return `missing field ${field} of type ${target}`;
    return `json: cannot unmarshal ${jsonTypeOf(this.#found)} into Go struct field ${field} of type ${target}`;
  }
}

/** @throws Mismatch */
function read(shape: Shape, value: unknown): unknown {
  if (shape.anyOf !== undefined) return readAlternatives(shape, shape.anyOf, value);
  switch (shape.type) {
    case "string":
      if (typeof value === "string" && (shape.const === undefined || shape.const === value)) return value;
      break;
    case "boolean":
      if (typeof value === "boolean") return value;
      break;
    case "integer":
      if (fitsInteger(shape, value)) return value;
      break;
    case "null":
      if (value === null) return value;
      break;
    case "array":
      if (Array.isArray(value)) return readList(shape, value);
      if (typeof value === "string" && shape[STRING_OR_LIST]) return [value];
      break;
    case "object":
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        const object = value as JsonObject;
        return shape.properties === undefined
          ? readMap(shape, object)
          : readStruct(shape, shape.properties, object);
      }
      break;
    default:
      return value;
  }
  throw new Mismatch(value, shape);
}

/** Go's int64, or uint64 where the schema says that it is not negative. */
function fitsInteger(shape: Shape, value: unknown): boolean {
  const [lowest, highest] = shape.minimum === 0 ? [0, 2 ** 64] : [shape.minimum ?? -(2 ** 63), 2 ** 63];
  // As doubles: what JSON rounds up to the bound is beyond it, but for a bound itself.
  return Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest;
}

/** The alternatives are `X | null`, or words. */
function readAlternatives(shape: Shape, alternatives: readonly Shape[], value: unknown): unknown {
  const nullable = alternatives.some((one) => one.type === "null");
  if (value === null && nullable) return null;
  const rest = alternatives.filter((one) => one.type !== "null");
  if (rest.length === 1) return read(rest[0]!, value);
  if (rest.some((one) => one.const === value)) return value;
  throw new Mismatch(value, shape);
}

function readList(shape: Shape, value: unknown[]): unknown[] {
  const { items } = shape;
  if (items !== undefined) for (let i = 0; i < value.length; i++) value[i] = read(items, value[i]);
  return value;
}

function readMap({ additionalProperties }: Shape, value: JsonObject): JsonObject {
  if (additionalProperties?.type === undefined && additionalProperties?.anyOf === undefined) return value;
  for (const key of Object.keys(value)) value[key] = readField(additionalProperties, key, value[key]);
  return value;
}

function readStruct(
  shape: Shape,
  properties: Readonly<Record<string, Shape>>,
  value: JsonObject,
): JsonObject {
  const found: JsonObject = {};
  for (const key of Object.keys(value)) {
    const name = Object.hasOwn(properties, key) ? key : foldedNames(shape, properties).get(key.toLowerCase());
    const item = value[key];
    // What nobody knows goes no further: it would be stored and shown again.
    if (name !== key || item === null) delete value[key];
    // Of a field that comes twice, in different cases, the later one counts.
    if (name !== undefined && item !== null) found[name] = readField(properties[name]!, name, item);
  }
  Object.assign(value, found);
  for (const name of shape.required ?? []) {
    if (!Object.hasOwn(value, name)) readField(properties[name]!, name, undefined);
  }
  return value;
}

function readField(shape: Shape, name: string, value: unknown): unknown {
  try {
    return read(shape, value);
  } catch (error) {
    if (error instanceof Mismatch) error.path.unshift(name);
    throw error;
  }
}

const folded = new WeakMap<Shape, Map<string, string>>();

function foldedNames(shape: Shape, properties: Readonly<Record<string, Shape>>): Map<string, string> {
  let names = folded.get(shape);
  if (names === undefined) {
    names = new Map(Object.keys(properties).map((name) => [name.toLowerCase(), name]));
    folded.set(shape, names);
  }
  return names;
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // Go prints the number where the kind is right and the number does not fit.
  if (typeof value === "number") return `number ${value}`;
  return typeof value;
}

function goTypeOf(nullable: Shape): string {
  const shape = nullable.anyOf?.find((one) => one.type !== "null") ?? nullable;
  switch (shape.type) {
    case "boolean":
      return "bool";
    case "integer":
      return shape.minimum === 0 ? "uint64" : "int64";
    case "array":
      return `[]${goTypeOf(shape.items ?? {})}`;
    case "object":
      if (shape.properties !== undefined) return "struct";
      return `map[string]${goTypeOf(shape.additionalProperties ?? {})}`;
    default:
      return shape.type ?? "value";
  }
}
