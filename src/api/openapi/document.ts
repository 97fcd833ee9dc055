import type { TSchema } from "../../wire/index.ts";
import * as wire from "../../wire/index.ts";
import type { Route } from "../router.ts";
import { API_VERSION } from "../version.ts";
import { OWN_OPERATIONS } from "./additions.ts";
import { CONTAINER_OPERATIONS } from "./containers.ts";
import { IMAGE_OPERATIONS } from "./images.ts";
import type { Content, Operation, Operations, QueryKind } from "./operation.ts";
import { NETWORK_OPERATIONS, SYSTEM_OPERATIONS, VOLUME_OPERATIONS } from "./resources.ts";

/** Every operation that is served, for the document of the API. */
export const OPERATIONS: Operations = {
  ...SYSTEM_OPERATIONS,
  ...CONTAINER_OPERATIONS,
  ...IMAGE_OPERATIONS,
  ...NETWORK_OPERATIONS,
  ...VOLUME_OPERATIONS,
  ...OWN_OPERATIONS,
};

type Json = Record<string, unknown>;

const DESCRIPTION = `The Docker Engine API as berth serves it. Any path may begin with a version, \`/v1.24\` to \`/v${API_VERSION}\`; without
one the newest is meant. Fields of a request may be missing or null, as in Go; fields that are not named here are passed
over. A list marked \`x-string-or-list\` may come as a lone text.`;

/**
 * The document of the API (OpenAPI 3.1), from the table of routes and the schemas that requests are read by.
 * Routes that only say what is not there are left out.
 */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const { method, path } of routes) {
    const operation = OPERATIONS[`${method} ${path}`];
    if (operation === undefined) continue;
    const url = templateOf(path);
    paths[url] = { ...paths[url], [method.toLowerCase()]: operationObject(operation, method, path) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "berth: Docker Engine API",
      version: API_VERSION,
      summary: `berth ${version}`,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: `/v${API_VERSION}` }],
    paths,
    components: {
      schemas: Object.fromEntries(
        [...NAMED].map(([text, name]) => [name, published(JSON.parse(text), name)]),
      ),
      responses: { Failure: { description: "A failure, in words", content: contentOf(FAILURE) } },
    },
  };
}

const FAILURE: Content = { media: "application/json", schema: wire.ErrorResponseSchema };

/** `/images/:name{.+}/json` → `/images/{name}/json` */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)(\{\.\+\})?/g, "{$1}");
}

function operationObject(operation: Operation, method: string, path: string): Json {
  const { summary, tag, query = {}, required = [], headers = {}, body, answers } = operation;
  const answered = Object.entries(answers).map(([status, content]) => [status, responseObject(content)]);
  return {
    operationId: operationId(method, path),
    summary,
    tags: [tag],
    parameters: [
      ...pathParameters(path),
      ...Object.entries(query).map(([name, kind]) => queryParameter(name, kind, required.includes(name))),
      ...Object.entries(headers).map(([name, description]) => ({
        name,
        in: "header",
        description,
        schema: { type: "string" },
      })),
    ],
    ...(body === undefined ? {} : { requestBody: { ...noteOf(body), content: contentOf(body) } }),
    responses: {
      ...Object.fromEntries(answered),
      default: { $ref: "#/components/responses/Failure" },
    },
  };
}

/** `getContainersIdJson` */
function operationId(method: string, path: string): string {
  const words = templateOf(path)
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)(\{\.\+\})?/g)].map(([, name, many]) => ({
    name,
    in: "path",
    required: true,
    ...(many === undefined ? {} : { description: "May have slashes" }),
    schema: { type: "string" },
  }));
}

const QUERY: Readonly<Record<QueryKind, Json>> = {
  flag: { schema: { type: "boolean" } },
  integer: { schema: { type: "integer" } },
  text: { schema: { type: "string" } },
  texts: { schema: { type: "array", items: { type: "string" } }, description: "May be given several times" },
  time: { schema: { type: "string" }, description: "Seconds since the epoch, with a fraction if need be" },
  filters: { schema: { type: "string" }, description: 'JSON: `{"label":["a=b"],"status":["running"]}`' },
  json: { schema: { type: "string" }, description: "JSON" },
};

function queryParameter(name: string, kind: QueryKind, required: boolean): Json {
  return { name, in: "query", ...(required ? { required } : {}), ...QUERY[kind] };
}

function responseObject(content: Content | null): Json {
  if (content === null) return { description: "Done" };
  return { description: content.note ?? "Done", content: contentOf(content) };
}

function noteOf({ note }: Content): Json {
  return note === undefined ? {} : { description: note };
}

function contentOf({ media, schema }: Content): Json {
  return { [media]: schema === undefined ? {} : { schema: published(schema as unknown as Json) } };
}

/** Schemas that have a name, by what they say. Of two that say the same the last one's name counts. */
const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries(wire)
    .filter(([name]) => name.endsWith("Schema"))
    .map(([name, schema]) => [JSON.stringify(schema as TSchema), name.replace(/Schema$/, "")]),
);

/** A schema with references in place of the named ones in it. `self`: the name of the schema itself. */
function published(schema: Json, self?: string): unknown {
  const name = NAMED.get(JSON.stringify(schema));
  if (name !== undefined && name !== self) return { $ref: `#/components/schemas/${name}` };
  const anyOf = schema["anyOf"] as Json[] | undefined;
  if (anyOf?.every((one) => typeof one["const"] === "string")) {
    return { type: "string", enum: anyOf.map((one) => one["const"]) };
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === "properties") return [key, publishedEach(value as Record<string, Json>)];
      if (key === "anyOf") return [key, (value as Json[]).map((one) => published(one))];
      if (key === "items" || key === "additionalProperties") return [key, published(value as Json)];
      return [key, value];
    }),
  );
}

function publishedEach(schemas: Readonly<Record<string, Json>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, published(schema)]));
}
