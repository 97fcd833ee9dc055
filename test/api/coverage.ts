import { OPERATIONS, openApiDocument, templateOf } from "../../src/api/openapi/document.ts";
import { probe, probedRoutes } from "../../src/api/openapi/probe.ts";
import type { Route } from "../../src/api/router.ts";
import { statusOf } from "../../src/api/status.ts";
import { kindOf, messageOf } from "../../src/lib/index.ts";
import { contentShape, type OpenApiDocument, type OpenApiOperation, ownTypes } from "./own.ts";
import { OUTSIDE_TAGS, type Reference, type ReferenceOperation } from "./reference.ts";
import { itemOf as elementOf, fieldsOf, isNamed, resolve, type Shape, type Types } from "./shape.ts";
import { UNSERVED } from "./unserved.ts";

/** One thing that Docker's API has: an operation, a parameter of one, a field of a body. */
export interface Item {
  /** `GET /info`, `GET /images/json ?identity`, `HostConfig.Binds` */
  readonly name: string;
  readonly served: boolean;
  /** Why it is not. */
  readonly reason?: string;
}

interface NamedItem extends Item {
  readonly tag: string;
  /** What is answered where it is not served. */
  answer?: string;
}

export interface Coverage {
  readonly operations: readonly NamedItem[];
  /** Those of a swarm and of plugins. */
  readonly outside: readonly NamedItem[];
  readonly parameters: readonly Item[];
  readonly requestFields: readonly Item[];
  readonly answerFields: readonly Item[];
  /** What berth has and Docker's description has not: names as of items, by kind. */
  readonly additions: Readonly<
    Record<"operations" | "parameters" | "requests" | "answers", readonly string[]>
  >;
  /** What is not served and has no reason, and reasons of what Docker's API does not have. */
  readonly unexplained: readonly string[];
}

/** Compares Docker's API with the document that berth publishes of its own. */
export async function measureCoverage(reference: Reference): Promise<Coverage> {
  const routes = probedRoutes();
  const document = openApiDocument(routes, "") as unknown as OpenApiDocument;
  const found: Found = {
    parameters: new Map(),
    ownParameters: new Set(),
    request: newFields(),
    answer: newFields(),
  };
  const operations: NamedItem[] = [];
  const outside: NamedItem[] = [];
  for (const operation of reference.operations) {
    const name = `${operation.method} ${operation.path}`;
    const own = document.paths[operation.path]?.[operation.method.toLowerCase()];
    const item: NamedItem = { ...itemOf(name, own !== undefined, UNSERVED.operations), tag: operation.tag };
    if (own === undefined) item.answer = await refusalOf(routes, operation);
    const isOutside = OUTSIDE_TAGS.has(operation.tag) || SWARM_ONLY.has(name);
    (isOutside ? outside : operations).push(item);
    if (own !== undefined && !isOutside) {
      compareOperation(name, operation, own, { reference, types: ownTypes(document), found });
    }
  }
  const items = (found: ReadonlyMap<string, boolean>, reasons: Reasons) =>
    [...found].map(([name, served]) => itemOf(name, served, reasons));
  const parameters = items(found.parameters, UNSERVED.parameters);
  const requestFields = items(found.request.served, UNSERVED.requests);
  const answerFields = items(found.answer.served, UNSERVED.answers);
  const unexplained = [
    ...unexplainedOf(operations, UNSERVED.operations),
    ...unexplainedOf(parameters, UNSERVED.parameters),
    ...unexplainedOf(requestFields, UNSERVED.requests),
    ...unexplainedOf(answerFields, UNSERVED.answers),
  ];
  const additions = {
    operations: ownOperations(document, reference),
    parameters: [...found.ownParameters],
    requests: [...found.request.own],
    answers: [...found.answer.own],
  };
  return { operations, outside, parameters, requestFields, answerFields, additions, unexplained };
}

function ownOperations(document: OpenApiDocument, { operations }: Reference): string[] {
  const theirs = new Set(operations.map(({ method, path }) => `${method} ${path}`));
  return Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
    .filter((name) => !theirs.has(name));
}

/** Of a swarm, whatever Docker counts it to. */
const SWARM_ONLY = new Set(["PUT /volumes/{name}"]);

type Reasons = Readonly<Record<string, string>>;

function itemOf(name: string, described: boolean, reasons: Reasons): Item {
  const reason = reasons[name];
  return reason === undefined ? { name, served: described } : { name, served: false, reason };
}

function unexplainedOf(items: readonly Item[], reasons: Reasons): string[] {
  const names = new Set(items.map(({ name }) => name));
  return [
    ...items.filter(({ served, reason }) => !served && reason === undefined).map(({ name }) => name),
    ...Object.keys(reasons).filter((name) => !names.has(name)),
  ];
}

/** What is answered where an operation is not served: `503 This node is not …`. */
async function refusalOf(routes: readonly Route[], { method, path }: ReferenceOperation): Promise<string> {
  const route = routes.find((one) => one.method === method && templateOf(one.path) === path);
  if (route === undefined) return "404 page not found";
  const { thrown } = await probe(route, OPERATIONS[`${method} ${route.path}`]);
  return `${statusOf(kindOf(thrown))} ${messageOf(thrown)}`;
}

interface Fields {
  /** `Type.Field` → whether every place that has the type has the field. */
  readonly served: Map<string, boolean>;
  /** Those that Docker's description has not. */
  readonly own: Set<string>;
  /** Pairs of types that were compared. */
  readonly compared: Set<string>;
}

const newFields = (): Fields => ({ served: new Map(), own: new Set(), compared: new Set() });

interface Found {
  readonly parameters: Map<string, boolean>;
  readonly ownParameters: Set<string>;
  readonly request: Fields;
  readonly answer: Fields;
}

interface Comparison {
  readonly reference: Reference;
  readonly types: Types;
  readonly found: Found;
}

function compareOperation(
  name: string,
  theirs: ReferenceOperation,
  ours: OpenApiOperation,
  { reference, types, found }: Comparison,
): void {
  const own = new Set(ours.parameters.map((one) => one.name.toLowerCase()));
  for (const query of theirs.query ?? [])
    found.parameters.set(`${name} ?${query}`, own.has(query.toLowerCase()));
  for (const header of theirs.headers ?? []) {
    const known = own.has(header.toLowerCase()) || header.toLowerCase() === "content-type";
    found.parameters.set(`${name} ${header}:`, known);
  }
  const known = new Set([...(theirs.query ?? []), ...(theirs.headers ?? [])].map((one) => one.toLowerCase()));
  for (const one of ours.parameters) {
    const mark = one.in === "query" ? `?${one.name}` : `${one.name}:`;
    if (one.in !== "path" && !known.has(one.name.toLowerCase())) found.ownParameters.add(`${name} ${mark}`);
  }
  const both = { theirs: reference.types, ours: types };
  if (theirs.body !== undefined) {
    compareShapes(name, theirs.body, contentShape(ours.requestBody?.content), both, found.request);
  }
  for (const [status, shape] of Object.entries(theirs.answers ?? {})) {
    if (shape === null) continue;
    compareShapes(name, shape, contentShape(ours.responses[status]?.content), both, found.answer);
  }
}

/** Walks two shapes side by side. `label`: the type whose fields are told, or the operation where it has no name. */
function compareShapes(
  label: string,
  theirs: Shape,
  ours: Shape | undefined,
  types: { readonly theirs: Types; readonly ours: Types },
  fields: Fields,
): void {
  if (Array.isArray(theirs) && theirs.length === 2) {
    compareShapes(label, theirs[0] as Shape, ours, types, fields);
    return;
  }
  if (isNamed(theirs)) {
    const pair = `${theirs} ${JSON.stringify(ours)}`;
    if (fields.compared.has(pair)) return;
    fields.compared.add(pair);
    compareShapes(theirs, types.theirs[theirs]!, ours, types, fields);
    return;
  }
  const own = ours === undefined ? undefined : resolve(ours, types.ours);
  const item = elementOf(theirs);
  if (item !== undefined) {
    const ownItem = own === undefined ? undefined : elementOf(own);
    if (ownItem !== undefined) compareShapes(label, item, ownItem, types, fields);
    return;
  }
  const ownFields = new Map((own === undefined ? [] : (fieldsOf(own) ?? [])).map((one) => [one.name, one]));
  const theirFields = fieldsOf(theirs) ?? [];
  if (theirFields.length > 0) {
    const names = new Set(theirFields.map(({ name }) => name));
    for (const name of ownFields.keys()) if (!names.has(name)) fields.own.add(`${label}.${name}`);
  }
  for (const { name, shape } of theirFields) {
    const field = `${label}.${name}`;
    const match = ownFields.get(name);
    fields.served.set(field, match !== undefined && fields.served.get(field) !== false);
    if (match !== undefined) compareShapes(field, shape, match.shape, types, fields);
  }
}
