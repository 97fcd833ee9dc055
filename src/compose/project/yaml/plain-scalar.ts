import type { ScalarValue } from "./node.ts";

const WORDS = new Map<string, ScalarValue>([
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, null] as const),
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
  ...["-0", "-0.0"].map((word) => [word, -0] as const),
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((word) => [word, Infinity] as const),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, -Infinity] as const),
]);

const NUMBER_START = /^[-+.0-9]/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INTEGERS: readonly (readonly [RegExp, string])[] = [
  [/^[-+]?(0|[1-9][0-9]*)$/, ""],
  [/^[-+]?0[xX]([0-9a-fA-F]+)$/, "0x"],
  [/^[-+]?0[bB]([01]+)$/, "0b"],
  [/^[-+]?0[oO]([0-7]+)$/, "0o"],
  // YAML 1.1's octal, which Compose files use for file modes: 0440.
  [/^[-+]?0([0-7]+)$/, "0o"],
];

/**
 * What an unquoted scalar means. YAML 1.2's core schema, plus what every Compose reader took over from
 * YAML 1.1: octal with a leading zero, binary, and `_` inside numbers. `yes`, `no`, `on`, `off` are strings.
 */
export function plainScalar(text: string): ScalarValue {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (!NUMBER_START.test(text)) return text;
  const digits = text.replaceAll("_", "");
  for (const [pattern, prefix] of INTEGERS) {
    const match = pattern.exec(digits);
    if (match !== null) return integer(digits.startsWith("-"), prefix + match[1], text);
  }
  return FLOAT.test(digits) ? Number(digits) : text;
}

function integer(negative: boolean, literal: string, text: string): ScalarValue {
  // What is longer is no int64 nor uint64, and BigInt of a long text is slow.
  if (literal.length > 72) return FLOAT.test(text) ? Number(text) : text;
  const value = negative ? -BigInt(literal) : BigInt(literal);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return FLOAT.test(text) ? Number(text) : text;
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** Whether the text, written without quotes, would be read back as this very string. */
export const readsAsString = (text: string): boolean => typeof plainScalar(text) === "string";
