import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as wire from "../../../src/wire/index.ts";
import { ROOT } from "../shell.ts";

/** As much of JSON Schema as the wire's schemas use. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema;
}

/** The API's requests and responses as TypeScript's interfaces, with the comments of their source. */
export function wireTypes(): string {
  const schemas = Object.entries(wire).filter(([name]) => name.endsWith("Schema")) as [string, Schema][];
  const named = schemas.map(([name, schema]) => [name.replace(/Schema$/, ""), schema] as const);
  const writer = new TypeWriter(named, readComments());
  const head = "/** The Engine API's requests and responses, with Docker's names. */\n";
  return head + named.map(([name, schema]) => writer.declaration(name, schema)).join("\n");
}

const IS_BODY = /(Request|Response)$/;

class TypeWriter {
  /** Schemas are copied when they become optional: what reads the same is the same. */
  readonly #names = new Map<string, string>();
  readonly #comments: Comments;

  constructor(named: readonly (readonly [string, Schema])[], comments: Comments) {
    this.#comments = comments;
    for (const [name, schema] of named) {
      const key = JSON.stringify(schema);
      const before = this.#names.get(key);
      // What is also the body of a request has a name apart from that.
      if (isNameable(schema) && (before === undefined || IS_BODY.test(before))) this.#names.set(key, name);
    }
  }

  declaration(name: string, schema: Schema): string {
    const comment = commentText(this.#comments.types.get(name), "");
    const same = this.#names.get(JSON.stringify(schema));
    if (same !== undefined && same !== name) return `${comment}export type ${name} = ${same};\n`;
    if (Object.keys(schema.properties ?? {}).length === 0)
      return `${comment}export type ${name} = ${this.#type(schema, "", true)};\n`;
    return `${comment}export interface ${name} ${this.#members(schema, "", name)}\n`;
  }

  #type(schema: Schema, indent: string, isTop = false): string {
    const name = isTop ? undefined : this.#names.get(JSON.stringify(schema));
    if (name !== undefined) return name;
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.anyOf !== undefined) return schema.anyOf.map((each) => this.#type(each, indent)).join(" | ");
    if (schema.additionalProperties !== undefined)
      return `Record<string, ${this.#type(schema.additionalProperties, indent)}>`;
    switch (schema.type) {
      case "string":
      case "boolean":
      case "null":
        return schema.type;
      case "integer":
      case "number":
        return "number";
      case "array": {
        const items = this.#type(schema.items ?? {}, indent);
        return items.includes(" ") && !items.startsWith("{") ? `(${items})[]` : `${items}[]`;
      }
      case "object":
        return this.#members(schema, indent, undefined);
      default:
        return "unknown";
    }
  }

  #members(schema: Schema, indent: string, owner: string | undefined): string {
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length === 0) return "Record<string, unknown>";
    const inner = `${indent}  `;
    const lines = properties.map(([name, property]) => {
      const optional = schema.required?.includes(name) === true ? "" : "?";
      const comment = commentText(this.#comments.field(owner, name), inner);
      const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
      return `${comment}${inner}${key}${optional}: ${this.#type(property, inner)};\n`;
    });
    return `{\n${lines.join("")}${indent}}`;
  }
}

/** A plain text or number has no name of its own; what has parts does. */
function isNameable({ properties, anyOf, additionalProperties }: Schema): boolean {
  const isObject = properties !== undefined && Object.keys(properties).length > 0;
  const isWords = anyOf?.every((each) => each.const !== undefined) === true;
  return isObject || isWords || additionalProperties?.anyOf !== undefined;
}

function commentText(comment: string | undefined, indent: string): string {
  if (comment === undefined) return "";
  return `${indent}/** ${comment} */\n`;
}

class Comments {
  /** By the name of the type. */
  readonly types = new Map<string, string>();
  /** By `Type.Field`; of fields that are described apart, by `.Field`. */
  readonly fields = new Map<string, string>();

  field(owner: string | undefined, name: string): string | undefined {
    return (
      (owner === undefined ? undefined : this.fields.get(`${owner}.${name}`)) ?? this.fields.get(`.${name}`)
    );
  }
}

const COMMENT =
  /^( *)\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n *(?:export const (\w+)Schema\b|(?:export )?const \w+|([A-Z]\w*): )/gm;

/** The comments above schemas and their fields. */
function readComments(): Comments {
  const comments = new Comments();
  for (const path of new Bun.Glob("src/wire/*.ts").scanSync({ cwd: ROOT })) {
    const text = readFileSync(join(ROOT, path), "utf8");
    const owners = [...text.matchAll(/^(?:export )?const (?:(\w+)Schema|\w+)\b/gm)];
    for (const { index, 1: indent = "", 2: comment = "", 3: type, 4: field } of text.matchAll(COMMENT)) {
      const plain = comment.replaceAll(/\s*\n\s*\*?\s*/g, " ").trim();
      if (type !== undefined) comments.types.set(type, plain);
      // Fields of fields have no owner that could be told here.
      if (field === undefined || indent.length !== 2) continue;
      const owner = owners.findLast((each) => each.index < index)?.[1] ?? "";
      comments.fields.set(`${owner}.${field}`, plain);
    }
  }
  return comments;
}
