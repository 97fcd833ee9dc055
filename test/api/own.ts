import type { Shape, Types } from "./shape.ts";

/** berth's own document of the API, as far as the tests read it. */
export interface OpenApiDocument {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface OpenApiOperation {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
  readonly required?: readonly string[];
}

/** The schemas of the document that have a name. */
export function ownTypes(document: OpenApiDocument): Types {
  const { schemas } = document.components;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, shapeOf(schema)]));
}

/** What is in a body; undefined where it is no JSON. */
export function contentShape(content: Content | undefined): Shape | undefined {
  const schema = Object.values(content ?? {})[0]?.schema;
  return schema === undefined ? undefined : shapeOf(schema);
}

function shapeOf(schema: JsonSchema): Shape {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1)!;
  if (schema.enum !== undefined) return `=${schema.enum.join("|")}`;
  if (schema.anyOf !== undefined) {
    const [one, ...others] = schema.anyOf.filter(({ type }) => type !== "null");
    if (one === undefined || others.length > 0) throw new Error("only `X or null` is known");
    return [shapeOf(one), null];
  }
  if (schema.type === "array") return [shapeOf(schema.items ?? {})];
  if (schema.properties !== undefined) {
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [
        schema.required?.includes(name) ? `${name}!` : name,
        shapeOf(property),
      ]),
    );
  }
  if (schema.type === "object") return { "*": shapeOf(schema.additionalProperties ?? {}) };
  return schema.type ?? "any";
}
