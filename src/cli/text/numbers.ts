/**
 * Numbers and truth values as Go's `strconv` reads and refuses them: people and scripts know these messages
 * from Docker's client.
 */
const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A signed 64-bit number in any of Go's bases; beyond 2^53 the last digits are lost, as everywhere in JSON. */
export function parseInt64(text: string): number {
  const value = parseInteger(text, "ParseInt");
  if (value < INT64_MIN || value > INT64_MAX) throw outOfRange(text, "ParseInt");
  return Number(value);
}

export function parseUint(text: string, bits: 16 | 64): number {
  if (/^[+-]/.test(text)) throw new Error(`strconv.ParseUint: parsing ${quote(text)}: invalid syntax`);
  const value = parseInteger(text, "ParseUint");
  if (value >= 2n ** BigInt(bits)) throw outOfRange(text, "ParseUint");
  return Number(value);
}

/** Decimal digits only, as `strconv.Atoi`; the message names the reason alone. */
export function parseDecimal(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error("invalid syntax");
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error("value out of range");
  return value;
}

function parseInteger(text: string, functionName: string): bigint {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(text);
  if (match === null) throw new Error(`strconv.${functionName}: parsing ${quote(text)}: invalid syntax`);
  const digits = match[2]!.replace(/^0(?=[0-7])/, "0o");
  const value = BigInt(digits);
  return match[1] === "-" ? -value : value;
}

function outOfRange(text: string, functionName: string): Error {
  return new Error(`strconv.${functionName}: parsing ${quote(text)}: value out of range`);
}

/** Go's `%q`: double quotes, and escapes for what cannot be printed. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/\\u00([0-9a-f]{2})/g, "\\x$1");
}
