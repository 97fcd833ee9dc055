import { UNIT_NANOSECONDS } from "../../lib/index.ts";
import { quote } from "./numbers.ts";

/** Reads Go's durations (`1h30m`, `1.5s`, `-200ms`) as nanoseconds. @throws with the words of Go's `time`. */
export function parseDuration(text: string): number {
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return 0;
  if (unsigned === "") throw new Error(`time: invalid duration ${quote(text)}`);
  let total = 0;
  let rest = unsigned;
  while (rest !== "") {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) throw new Error(`time: invalid duration ${quote(text)}`);
    rest = rest.slice(number.length);
    const unit = /^[^\d.]*/.exec(rest)![0];
    if (unit === "") throw new Error(`time: missing unit in duration ${quote(text)}`);
    const scale = UNIT_NANOSECONDS[unit];
    if (scale === undefined) throw new Error(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    total += Math.trunc(Number(number) * scale);
    rest = rest.slice(unit.length);
  }
  return text.startsWith("-") ? -total : total;
}
