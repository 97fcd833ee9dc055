import type { Scalar } from "../yaml/node.ts";

/** Go's `%v` and `%g` write an exponent from here on. */
const SHORTEST_EXPONENT = 6;

/** A float as Go's `%v` prints it: shortest form, with an exponent below 1e-4 and from 1e6 on. */
export function formatFloat(value: number, exponentFrom = SHORTEST_EXPONENT): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= exponentFrom) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  const digits = mantissa.replace(/[-.]/g, "");
  const sign = value < 0 ? "-" : "";
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** The shortest digits that a 32-bit float needs: what Compose keeps CPU numbers in. */
export function formatFloat32(value: number, exponentFrom = SHORTEST_EXPONENT): string {
  const single = Math.fround(value);
  for (let precision = 1; precision <= 9; precision++) {
    const short = Number(single.toPrecision(precision));
    if (Math.fround(short) === single) return formatFloat(short, exponentFrom);
  }
  return formatFloat(single, exponentFrom);
}

/** A scalar as text, as Go's `fmt.Sprint` has it. */
export function formatScalar({ value, float }: Pick<Scalar, "value" | "float">): string {
  if (typeof value !== "number") return String(value ?? "");
  return float || !Number.isSafeInteger(value) || Object.is(value, -0) ? formatFloat(value) : String(value);
}

/** The same scalar as a string. */
export function asText(node: Scalar): Scalar {
  return typeof node.value === "string" ? node : { ...node, value: formatScalar(node) };
}
