import { UNIT_NANOSECONDS } from "../../../lib/index.ts";

const NANOSECONDS: Readonly<Record<string, number>> = {
  ...UNIT_NANOSECONDS,
  d: 24 * 3600e9,
  w: 7 * 24 * 3600e9,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/y;
const LONGEST = 2 ** 63;

/** `1h30m`, `1.5s`, `2d` → nanoseconds. `undefined`: not a duration. */
export function parseDuration(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return 0;
  if (unsigned === "") return undefined;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < unsigned.length) {
    const match = PART.exec(unsigned);
    if (match === null) return undefined;
    total += Math.trunc(Number(match[1]) * NANOSECONDS[match[2]!]!);
  }
  return total < LONGEST ? sign * total : undefined;
}

/** As Go prints a duration: `1h0m0s`, `1.5s`, `100ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  const sign = nanoseconds < 0 ? "-" : "";
  const total = BigInt(Math.abs(nanoseconds));
  if (total < 1000n) return `${sign}${total}ns`;
  if (total < 1_000_000n) return `${sign}${fraction(total, 3)}µs`;
  if (total < 1_000_000_000n) return `${sign}${fraction(total, 6)}ms`;
  const minutes = total / 60_000_000_000n;
  const seconds = `${fraction(total % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** The value divided by a power of ten, without zeros at its end. */
function fraction(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, "0");
  const decimals = text.slice(-digits).replace(/0+$/, "");
  return text.slice(0, -digits) + (decimals === "" ? "" : `.${decimals}`);
}
