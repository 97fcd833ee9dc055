import { quote } from "../text/numbers.ts";
import { show, toJson, typeName, type Value } from "./values.ts";

const DIRECTIVE = /%([-+# 0]*)(\d+|\*)?(?:\.(\d+))?([a-zA-Z%])/g;

/** Go's `fmt.Sprintf`, for the verbs that make sense with Docker's values. */
export function printf(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replaceAll(
    DIRECTIVE,
    (_, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      const columns = width === "*" ? Number(values[next++]) : Number(width ?? 0);
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const shown = format1(
        verb,
        flags,
        precision === undefined ? undefined : Number(precision),
        values[next++],
      );
      return padded(shown, columns, flags, verb);
    },
  );
  const extra = values.slice(next).map((value) => `${typeName(value)}=${show(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

function format1(verb: string, flags: string, precision: number | undefined, value: Value): string {
  switch (verb) {
    case "v":
      return flags.includes("#") ? toJson(value) : show(value);
    case "s":
      return precision === undefined ? show(value) : [...show(value)].slice(0, precision).join("");
    case "q":
      return typeof value === "string" ? quote(value) : wrong(verb, value);
    case "T":
      return typeName(value);
    case "t":
      return typeof value === "boolean" ? String(value) : wrong(verb, value);
    case "d":
      return isInteger(value) ? sign(flags, value) + String(value) : wrong(verb, value);
    case "x":
    case "X":
      return hex(verb, value);
    case "o":
      return isInteger(value) ? value.toString(8) : wrong(verb, value);
    case "b":
      return isInteger(value) ? value.toString(2) : wrong(verb, value);
    case "c":
      return isInteger(value) ? String.fromCodePoint(Number(value)) : wrong(verb, value);
    case "f":
    case "F":
      return typeof value === "number"
        ? sign(flags, value) + value.toFixed(precision ?? 6)
        : wrong(verb, value);
    case "e":
      return typeof value === "number"
        ? value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, "e$10$2")
        : wrong(verb, value);
    case "g":
      return typeof value === "number"
        ? String(precision === undefined ? value : Number(value.toPrecision(precision || 1)))
        : wrong(verb, value);
    default:
      return wrong(verb, value);
  }
}

function hex(verb: string, value: Value): string {
  const bytes = typeof value === "string" ? Buffer.from(value).toString("hex") : undefined;
  const text = bytes ?? (isInteger(value) ? value.toString(16) : undefined);
  if (text === undefined) return wrong(verb, value);
  return verb === "X" ? text.toUpperCase() : text;
}

function isInteger(value: Value): value is number | bigint {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
}

function sign(flags: string, value: number | bigint): string {
  return flags.includes("+") && value >= 0 ? "+" : "";
}

function wrong(verb: string, value: Value): string {
  return `%!${verb}(${typeName(value)}=${show(value)})`;
}

function padded(text: string, columns: number, flags: string, verb: string): string {
  const missing = columns - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (flags.includes("0") && "dxXobfFeg".includes(verb)) {
    const digits = text.replace(/^[+-]/, "");
    return text.slice(0, text.length - digits.length) + "0".repeat(missing) + digits;
  }
  return " ".repeat(missing) + text;
}
