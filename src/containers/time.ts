/** Moments as Docker writes them, and spans of time as people read them. */

/** Go's zero time: "never". */
export const NEVER = "0001-01-01T00:00:00Z";

/** RFC 3339 with up to nine digits, without trailing zeros, in UTC: Go's `RFC3339Nano`. */
export function formatNanoseconds(ns: bigint): string {
  const milliseconds = ns / 1_000_000n;
  const text = new Date(Number(milliseconds)).toISOString();
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${text.slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

export function formatDate(date: Date): string {
  return formatNanoseconds(BigInt(date.getTime()) * 1_000_000n);
}

const wallOffset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Nanoseconds since the epoch: the wall clock's milliseconds, refined so that two calls rarely give the same. */
export function nowNanoseconds(): bigint {
  const wall = BigInt(Date.now()) * 1_000_000n;
  const fine = process.hrtime.bigint() + wallOffset;
  const drift = fine - wall;
  return drift >= 0n && drift < 2_000_000n ? fine : wall;
}

export function nowText(): string {
  return formatNanoseconds(nowNanoseconds());
}

/** Milliseconds since the epoch; NaN for what is no time. Digits below a millisecond are cut. */
export function parseTime(text: string): number {
  return Date.parse(text);
}

/** Docker's words for a span: `Less than a second`, `3 minutes`, `About an hour` (go-units' HumanDuration). */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}
