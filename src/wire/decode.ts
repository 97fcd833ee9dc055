import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { invalidParameter } from "../lib/index.ts";
import { STRING_OR_LIST, type Static } from "./schema.ts";

/**
 * Reads a parsed JSON value as Go would read it into Docker's structs: names of fields match whatever their
 * case, `null` in a struct's field means that the field was not sent, unknown fields are ignored, and a lone
 * string is a list of one where Docker allows it. The value is changed in place and returned.
 *
 * @throws InvalidParameter naming the field, in the words of Go's `encoding/json`, which scripts match.
 */
export function decode<S extends TSchema>(name: string, schema: S, value: unknown): Static<S> {
  const folded = fold(schema, value);
  const validator = validatorOf(schema);
  if (validator.Check(folded)) return folded as Static<S>;
  throw invalidParameter(`invalid JSON: ${describeMismatch(name, schema, validator, folded)}`);
}

const validators = new WeakMap<TSchema, Validator>();

/** Compiled at first use: most daemons never see most requests. */
function validatorOf(schema: TSchema): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema) as unknown as Validator;
    validators.set(schema, validator);
  }
  return validator;
}

// What `fold` reads of a schema, whichever kind it is.
interface Shape {
  type?: string;
  minimum?: number;
  properties?: Record<string, TSchema>;
  items?: TSchema;
  patternProperties?: Record<string, TSchema>;
  anyOf?: TSchema[];
  [STRING_OR_LIST]?: boolean;
}

const shapeOf = (schema: TSchema): Shape => schema as unknown as Shape;

/** The schema itself, or the one that a nullable field holds when it is not null. */
function inner(schema: TSchema): TSchema {
  const options = shapeOf(schema).anyOf;
  if (options === undefined) return schema;
  return options.find((option) => shapeOf(option).type !== "null") ?? schema;
}

type JsonObject = Record<string, unknown>;

function fold(nullable: TSchema, value: unknown): unknown {
  const schema = inner(nullable);
  const shape = shapeOf(schema);
  if (typeof value === "string") return shape[STRING_OR_LIST] ? [value] : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    if (shape.items !== undefined && isContainer(shape.items)) {
      for (let i = 0; i < value.length; i++) value[i] = fold(shape.items, value[i]);
    }
    return value;
  }
  if (shape.properties !== undefined) foldStruct(schema, value as JsonObject);
  else foldMap(shape, value as JsonObject);
  return value;
}

function isContainer(schema: TSchema): boolean {
  const shape = shapeOf(inner(schema));
  return shape.type === "object" || shape.type === "array";
}

function foldStruct(schema: TSchema, value: JsonObject): void {
  const properties = shapeOf(schema).properties!;
  for (const key of Object.keys(value)) {
    const name = Object.hasOwn(properties, key) ? key : lowerCaseNames(schema).get(key.toLowerCase());
    const item = value[key];
    if (name === undefined) continue;
    if (item === null) delete value[key];
    else if (name === key) value[key] = fold(properties[name]!, item);
    else {
      delete value[key];
      value[name] = fold(properties[name]!, item);
    }
  }
}

function foldMap(shape: Shape, value: JsonObject): void {
  const items = Object.values(shape.patternProperties ?? {})[0];
  if (items === undefined || !isContainer(items)) return;
  for (const key of Object.keys(value)) value[key] = fold(items, value[key]);
}

const foldedNames = new WeakMap<TSchema, Map<string, string>>();

function lowerCaseNames(schema: TSchema): Map<string, string> {
  let names = foldedNames.get(schema);
  if (names === undefined) {
    names = new Map(Object.keys(shapeOf(schema).properties!).map((name) => [name.toLowerCase(), name]));
    foldedNames.set(schema, names);
  }
  return names;
}

/** The deepest mismatch is the one that the user made; those above it only follow from it. */
function describeMismatch(name: string, schema: TSchema, validator: Validator, value: unknown): string {
  let path: string[] = [];
  for (const error of validator.Errors(value)) {
    const candidate = error.instancePath.split("/").slice(1).map(unescapePointer);
    if (error.keyword === "required") candidate.push(...error.params.requiredProperties.slice(0, 1));
    if (candidate.length > path.length) path = candidate;
  }
  let found: unknown = value;
  let wanted: TSchema | undefined = schema;
  for (const step of path) {
    found = (found as JsonObject | undefined)?.[step];
    wanted = wanted && stepInto(wanted, step);
  }
  const target = goTypeOf(wanted);
  if (path.length === 0) return `json: cannot unmarshal ${jsonTypeOf(found)} into Go value of type ${name}`;
  const field = path.filter((step) => !/^\d+$/.test(step)).join(".");
  if (found === undefined) return `missing field ${name}.${field} of type ${target}`;
  return `json: cannot unmarshal ${jsonTypeOf(found)} into Go struct field ${name}.${field} of type ${target}`;
}

const unescapePointer = (step: string) => step.replaceAll("~1", "/").replaceAll("~0", "~");

function stepInto(nullable: TSchema, step: string): TSchema | undefined {
  const shape = shapeOf(inner(nullable));
  return shape.properties?.[step] ?? shape.items ?? Object.values(shape.patternProperties ?? {})[0];
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // Go prints the number where the kind is right and the number does not fit.
  if (typeof value === "number") return `number ${value}`;
  return typeof value;
}

function goTypeOf(nullable: TSchema | undefined): string {
  if (nullable === undefined) return "value";
  const shape = shapeOf(inner(nullable));
  switch (shape.type) {
    case "boolean":
      return "bool";
    case "integer":
      return shape.minimum === 0 ? "uint64" : "int64";
    case "array":
      return `[]${goTypeOf(shape.items)}`;
    case "object":
      if (shape.properties !== undefined) return "struct";
      return `map[string]${goTypeOf(Object.values(shape.patternProperties ?? {})[0])}`;
    default:
      return shape.type ?? "value";
  }
}
