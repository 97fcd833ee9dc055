import { formatFloat } from "../units/number.ts";
import { Digits, type Shown } from "./shown.ts";

const ESCAPED =
  /["\\\x00-\x1f<>&\u2028\u2029\ufffd]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** The value as Go writes JSON: `<`, `>` and `&` escaped, too. Without an indent on one line. */
export function toJson(value: Shown, indent = ""): string {
  return write(value, indent, indent === "" ? "" : "\n");
}

function write(value: Shown, step: string, newline: string): string {
  if (typeof value === "string") return jsonString(value);
  if (value instanceof Digits) return value.text;
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return jsonNumber(value);
  const inner = newline + step;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${inner}${value.map((item) => write(item, step, inner)).join(`,${inner}`)}${newline}]`;
  }
  const mapping = value as ReadonlyMap<string, Shown>;
  if (mapping.size === 0) return "{}";
  const colon = step === "" ? ":" : ": ";
  const fields = [...mapping].map(([key, field]) => jsonString(key) + colon + write(field, step, inner));
  return `{${inner}${fields.join(`,${inner}`)}${newline}}`;
}

function jsonString(text: string): string {
  const escaped = text.replace(ESCAPED, (char) => {
    const short = SHORT[char];
    if (short !== undefined) return short;
    if (char === "\ufffd") return char;
    const code = char.charCodeAt(0);
    return code >= 0xd800 && code <= 0xdfff ? "\\ufffd" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

function jsonNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(BigInt(value));
  const size = Math.abs(value);
  if (size >= 1e-6 && size < 1e21) return String(value);
  return formatFloat(value, 21).replace("e-0", "e-");
}
