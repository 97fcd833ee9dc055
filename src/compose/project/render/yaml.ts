import { formatFloat } from "../units/number.ts";
import { Digits, type Shown } from "./shown.ts";
import { yamlKey, yamlScalar } from "./yaml-scalar.ts";

/** The value as a YAML document, two columns per level. */
export function toYaml(value: Shown): string {
  const out: Written = { lines: [], keys: new Map() };
  if (value instanceof Map && value.size > 0) writeMapping(value, 0, "", out);
  else if (Array.isArray(value) && value.length > 0) writeList(value, 0, "", out);
  else out.lines.push(inline(value, 0));
  return `${out.lines.join("\n")}\n`;
}

interface Written {
  readonly lines: string[];
  /** Keys as they are written: most come again and again. */
  readonly keys: Map<string, string>;
}

function keyOf(key: string, { keys }: Written): string {
  let text = keys.get(key);
  if (text === undefined) {
    text = yamlKey(key);
    keys.set(key, text);
  }
  return text;
}

/** @param first what stands before the first line instead of blanks: the dash of a list. */
function writeMapping(value: ReadonlyMap<string, Shown>, indent: number, first: string, out: Written): void {
  const { lines } = out;
  const blanks = " ".repeat(indent);
  let lead = first === "" ? blanks : first;
  for (const [key, field] of value) {
    const name = `${lead}${keyOf(key, out)}:`;
    lead = blanks;
    if (field instanceof Map && field.size > 0) {
      lines.push(name);
      writeMapping(field, indent + 2, "", out);
    } else if (Array.isArray(field) && field.length > 0) {
      lines.push(name);
      writeList(field, indent + 2, "", out);
    } else {
      lines.push(`${name} ${inline(field, indent + 2)}`);
    }
  }
}

function writeList(value: readonly Shown[], indent: number, first: string, out: Written): void {
  const { lines } = out;
  const blanks = " ".repeat(indent);
  let lead = first === "" ? blanks : first;
  for (const item of value) {
    const dash = `${lead}- `;
    lead = blanks;
    if (item instanceof Map && item.size > 0) writeMapping(item, indent + 2, dash, out);
    else if (Array.isArray(item) && item.length > 0) writeList(item, indent + 2, dash, out);
    else lines.push(dash + inline(item, indent + 2));
  }
}

function inline(value: Shown, indent: number): string {
  if (typeof value === "string") return yamlScalar(value, indent);
  if (value instanceof Digits) return value.text;
  if (value instanceof Map) return "{}";
  if (Array.isArray(value)) return "[]";
  if (typeof value === "number" && !Number.isInteger(value)) return yamlFloat(value);
  return String(value);
}

function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  return formatFloat(value);
}
