// Draws the names and types of Docker's API out of Docker's own description of it (Swagger 2.0), as the facts that the
// tests and `docs/api-coverage.md` compare berth with: bun scripts/derive-reference.ts <engine-api.yaml>
import { readFileSync, writeFileSync } from "node:fs";
import {
  OUTSIDE_TAGS,
  REFERENCE_PATH,
  type Reference,
  type ReferenceOperation,
} from "../test/api/reference.ts";
import { isNamed, type Shape } from "../test/api/shape.ts";
import { fail } from "./lib/shell.ts";

interface Swagger {
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, SwaggerOperation>>;
  readonly definitions: Record<string, Schema>;
}

interface SwaggerOperation {
  readonly tags?: string[];
  readonly parameters?: { readonly in: string; readonly name: string; readonly schema?: Schema }[];
  readonly responses: Record<string, { readonly schema?: Schema }>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: unknown[];
  readonly items?: Schema;
  readonly properties?: Record<string, Schema>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: string[];
  readonly allOf?: Schema[];
  readonly "x-nullable"?: boolean;
}

/** What belongs to a cluster is not looked into. */
const OPAQUE = new Set(["ClusterVolume", "ClusterVolumeSpec", "ClusterInfo", "ServiceInfo", "NetworkStatus"]);

const path = process.argv[2] ?? fail("usage: bun scripts/derive-reference.ts <engine-api.yaml>");
const swagger = Bun.YAML.parse(readFileSync(path, "utf8")) as Swagger;
const types: Record<string, Shape> = {};

function shapeOf(schema: Schema): Shape {
  const shape = plainShapeOf(schema);
  return schema["x-nullable"] === true ? [shape, null] : shape;
}

function plainShapeOf(schema: Schema): Shape {
  if (schema.$ref !== undefined) return named(schema.$ref.split("/").at(-1)!);
  if (schema.allOf?.length === 1 && schema.properties === undefined) return shapeOf(schema.allOf[0]!);
  if (schema.allOf !== undefined || schema.properties !== undefined) return structOf(schema);
  if (schema.enum !== undefined && schema.type === "string") return `=${schema.enum.join("|")}`;
  if (typeof schema.additionalProperties === "object") return { "*": shapeOf(schema.additionalProperties) };
  switch (schema.type) {
    case "array":
      return [shapeOf(schema.items!)];
    case "object":
      return { "*": "any" };
    case "string":
      return schema.format === "binary" ? "binary" : "string";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    default:
      return "any";
  }
}

/** A struct with the fields of all that it is made of. */
function structOf(schema: Schema): Shape {
  const inherited = (schema.allOf ?? []).map((part) =>
    part.$ref === undefined ? part : swagger.definitions[part.$ref.split("/").at(-1)!]!,
  );
  const required = new Set(schema.required ?? []);
  const own = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [required.has(name) ? `${name}!` : name, shapeOf(property)] as const,
  );
  return Object.assign({}, ...inherited.map((part) => structOf(part)), Object.fromEntries(own)) as Shape;
}

function named(name: string): Shape {
  if (OPAQUE.has(name)) return "any";
  if (types[name] === undefined) {
    // Before it is known, so that a type may contain itself.
    types[name] = "any";
    types[name] = shapeOf(swagger.definitions[name]!);
  }
  const shape = types[name]!;
  // Names of words say no more than the words.
  if (typeof shape !== "string" || isNamed(shape)) return name;
  delete types[name];
  return shape;
}

function operationOf(method: string, url: string, operation: SwaggerOperation): ReferenceOperation {
  const tag = operation.tags?.[0] ?? "System";
  const head = { method: method.toUpperCase(), path: url, tag };
  if (OUTSIDE_TAGS.has(tag)) return head;
  const parameters = operation.parameters ?? [];
  const names = (place: string) => parameters.filter((one) => one.in === place).map(({ name }) => name);
  const body = parameters.find((one) => one.in === "body")?.schema;
  const successes = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
  return {
    ...head,
    ...(names("query").length > 0 ? { query: names("query") } : {}),
    ...(names("header").length > 0 ? { headers: names("header") } : {}),
    ...(body === undefined ? {} : { body: shapeOf(body) }),
    answers: Object.fromEntries(
      successes.map(([status, { schema }]) => [status, schema === undefined ? null : shapeOf(schema)]),
    ),
  };
}

const operations = Object.entries(swagger.paths).flatMap(([url, methods]) =>
  Object.entries(methods).map(([method, operation]) => operationOf(method, url, operation)),
);
const sorted = Object.fromEntries(Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1)));
const reference: Reference = { version: swagger.info.version, operations, types: sorted };
writeFileSync(REFERENCE_PATH, `${JSON.stringify(reference)}\n`);
