/**
 * Values as templates see them. JSON's objects are Go's structs; Go's maps are `Map`; and `Methods` are the
 * rows of lists, whose fields are computed when they are asked for.
 */
export type Value = unknown;

/** Go's nil slice and nil map: empty, but `null` in JSON. */
export const NIL_LIST: readonly Value[] = [];
export const NIL_MAP: ReadonlyMap<string, Value> = new Map();

/** A row of a list: fields by name, some of which take arguments. */
export class Methods {
  /** Go's name for the type, which errors show. */
  readonly typeName: string;
  readonly #table: MethodTable<unknown>;
  readonly #item: unknown;

  constructor(typeName: string, table: MethodTable<unknown>, item: unknown) {
    this.typeName = typeName;
    this.#table = table;
    this.#item = item;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#table, name);
  }

  call(name: string, args: readonly Value[]): Value {
    return this.#table[name]!(this.#item, ...(args as string[]));
  }

  /** All fields that take no argument, by name, as Docker's `--format json` prints a row. */
  toRecord(): Record<string, Value> {
    const names = Object.keys(this.#table)
      .filter((name) => this.#table[name]!.length <= 1)
      .sort();
    return Object.fromEntries(names.map((name) => [name, this.call(name, [])]));
  }
}

export type MethodTable<T> = Readonly<Record<string, (item: T, ...args: string[]) => Value>>;

/** Makes rows of one type. */
export function methods<T>(typeName: string, table: MethodTable<T>): (item: T) => Methods {
  return (item) => new Methods(typeName, table as MethodTable<unknown>, item);
}

/** Go's truth: what is zero or empty is false. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0 || value === 0n)
    return false;
  if (Array.isArray(value)) return value.length > 0;
  return !(value instanceof Map) || value.size > 0;
}

/** As `fmt.Print` shows a value. */
export function show(value: Value): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (value instanceof Map)
    return `map[${sortedEntries(value)
      .map(([key, each]) => `${key}:${show(each)}`)
      .join(" ")}]`;
  if (value instanceof Methods) return `{${Object.values(value.toRecord()).map(show).join(" ")}}`;
  if (typeof value === "object") return `{${Object.values(value).map(show).join(" ")}}`;
  return String(value);
}

/** As Go's `encoding/json` writes it without HTML escapes: maps sorted by key, structs in their order. */
export function toJson(value: Value): string {
  if (value === undefined || value === null || value === NIL_LIST || value === NIL_MAP) return "null";
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (value instanceof Map) return object(sortedEntries(value));
  // Rows marshal themselves, with Go's default escapes.
  if (value instanceof Methods) return escapeHtml(object(Object.entries(value.toRecord())));
  if (typeof value === "object")
    return object(Object.entries(value).filter(([, each]) => each !== undefined));
  if (typeof value === "string") return jsonString(value);
  return JSON.stringify(value);
}

function object(entries: readonly (readonly [string, Value])[]): string {
  return `{${entries.map(([key, each]) => `${jsonString(key)}:${toJson(each)}`).join(",")}}`;
}

function jsonString(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function escapeHtml(json: string): string {
  return json.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

export function sortedEntries(value: ReadonlyMap<string, Value>): [string, Value][] {
  return [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Go's word for a value's type, for errors. */
export function typeName(value: Value): string {
  if (value === undefined || value === null) return "nil";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (Array.isArray(value)) return "[]interface {}";
  if (value instanceof Map) return "map[string]interface {}";
  return value instanceof Methods ? value.typeName : "struct";
}
