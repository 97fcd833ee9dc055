import { printf } from "./printf.ts";
import { isTrue, show, toJson, typeName, type Value } from "./values.ts";

export type TemplateFunction = (...args: Value[]) => Value;
export type TemplateFunctions = ReadonlyMap<string, TemplateFunction>;

/** A function's errors become `error calling name: message`. */
class ArgumentError extends Error {}

function text(value: Value): string {
  if (typeof value === "string") return value;
  throw new ArgumentError(`wrong type for value; expected string; got ${typeName(value)}`);
}

function number(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw new ArgumentError(`wrong type for value; expected int; got ${typeName(value)}`);
}

function texts(value: Value): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value.map(text);
  throw new ArgumentError(`wrong type for value; expected []string; got ${typeName(value)}`);
}

function index(value: Value, ...keys: Value[]): Value {
  let found = value;
  for (const key of keys) found = indexOnce(found, key);
  return found;
}

function indexOnce(value: Value, key: Value): Value {
  if (value instanceof Map) return value.has(text(key)) ? value.get(text(key)) : zeroLike(value);
  if (value === null || value === undefined) throw new ArgumentError("index of untyped nil");
  if (Array.isArray(value) || typeof value === "string") {
    const at = number(key);
    if (at < 0 || at >= value.length) throw new ArgumentError(`index out of range: ${at}`);
    return typeof value === "string" ? value.charCodeAt(at) : value[at];
  }
  if (typeof value === "object") {
    const record = value as Record<string, Value>;
    return Object.hasOwn(record, text(key)) ? record[text(key)] : undefined;
  }
  throw new ArgumentError(`can't index item of type ${typeName(value)}`);
}

/** What Go's maps give for an absent key: the zero value of their elements. */
function zeroLike(map: ReadonlyMap<string, Value>): Value {
  const [example] = map.values();
  if (example === undefined || typeof example === "string") return "";
  if (typeof example === "number") return 0;
  if (typeof example === "boolean") return false;
  return Array.isArray(example) || example === null ? [] : undefined;
}

function slice(value: Value, from: Value = 0, to?: Value): Value {
  if (typeof value !== "string" && !Array.isArray(value)) {
    throw new ArgumentError(`can't slice item of type ${typeName(value)}`);
  }
  const start = number(from);
  const end = to === undefined ? value.length : number(to);
  for (const each of [start, end]) {
    if (each < 0 || each > value.length) throw new ArgumentError(`index out of range: ${each}`);
  }
  if (start > end) throw new ArgumentError(`invalid slice index: ${start} > ${end}`);
  return value.slice(start, end);
}

function length(value: Value): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value === null || value === undefined) throw new ArgumentError("len of nil pointer");
  throw new ArgumentError(`len of type ${typeName(value)}`);
}

type Basic = string | number | boolean;

function basic(value: Value): Basic {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new ArgumentError("invalid type for comparison");
}

function equal(first: Value, ...others: Value[]): boolean {
  if (others.length === 0) throw new ArgumentError("missing argument for comparison");
  return others.some((other) => {
    if (first === null || first === undefined || other === null || other === undefined)
      return (first ?? null) === (other ?? null);
    const [a, b] = [basic(first), basic(other)];
    if (typeof a !== typeof b) throw new ArgumentError("incompatible types for comparison");
    return a === b;
  });
}

function less(first: Value, second: Value): boolean {
  const [a, b] = [basic(first), basic(second)];
  if (typeof a !== typeof b) throw new ArgumentError("incompatible types for comparison");
  if (typeof a === "boolean") throw new ArgumentError("invalid type for comparison");
  return a < b;
}

/** As `fmt.Sprint`: a space between two operands of which neither is a string. */
function print(...values: Value[]): string {
  return values.reduce<string>((line, value, at) => {
    const gap = at > 0 && typeof value !== "string" && typeof values[at - 1] !== "string" ? " " : "";
    return line + gap + show(value);
  }, "");
}

function title(value: Value): string {
  return text(value).replaceAll(
    /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

function pad(value: Value, before: Value, after: Value): string {
  const padded = text(value);
  return padded === "" ? "" : " ".repeat(number(before)) + padded + " ".repeat(number(after));
}

const HTML: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&#34;",
  "'": "&#39;",
};

/** What Go's language has (`text/template`, section Functions) and what Docker's client adds. */
export const FUNCTIONS: TemplateFunctions = new Map<string, TemplateFunction>([
  // `and` and `or` are the evaluator's, which does not evaluate more arguments than they need.
  ["and", () => undefined],
  ["or", () => undefined],
  ["not", (value) => !isTrue(value)],
  ["eq", equal],
  ["ne", (first, second) => !equal(first, second)],
  ["lt", less],
  ["le", (first, second) => less(first, second) || equal(first, second)],
  ["gt", (first, second) => less(second, first)],
  ["ge", (first, second) => !less(first, second)],
  ["index", index],
  ["len", length],
  ["slice", slice],
  ["print", print],
  ["println", (...values) => `${values.map(show).join(" ")}\n`],
  ["printf", (format, ...values) => printf(text(format), values)],
  ["html", (...values) => print(...values).replaceAll(/[<>&"']/g, (each) => HTML[each]!)],
  [
    "js",
    (...values) =>
      JSON.stringify(print(...values))
        .slice(1, -1)
        .replaceAll("'", "\\'"),
  ],
  ["urlquery", (...values) => encodeURIComponent(print(...values)).replaceAll("%20", "+")],
  ["json", toJson],
  ["split", (value, separator) => text(value).split(text(separator))],
  ["join", (values, separator) => texts(values).join(text(separator))],
  ["title", title],
  ["lower", (value) => text(value).toLowerCase()],
  ["upper", (value) => text(value).toUpperCase()],
  ["pad", pad],
  ["truncate", (value, width) => text(value).slice(0, number(width))],
]);

const same: TemplateFunction = (value) => value;

/** For the head of a table: what would change a value leaves its title as it is. */
export const HEADER_FUNCTIONS: TemplateFunctions = new Map([
  ...FUNCTIONS,
  ...["json", "split", "join", "title", "lower", "upper", "truncate"].map(
    (name): [string, TemplateFunction] => [name, same],
  ),
]);
