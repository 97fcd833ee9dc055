/**
 * A time as Go prints one: `2024-05-01 12:30:00 +0200 CEST`, in the local zone. Reading the zone costs 5 ms
 * at its first use (measured), so only what is printed is computed.
 */
export function goTime(secondsOrDate: number | Date): string {
  const date = typeof secondsOrDate === "number" ? new Date(secondsOrDate * 1000) : secondsOrDate;
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zoneOffset(offsetMinutes, "")} ${zoneName(date, offsetMinutes)}`;
}

/** `2024-05-01T12:30:00+02:00`, in the local zone; `Z` for UTC. */
export function localRfc3339(seconds: number): string {
  const date = new Date(seconds * 1000);
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000).toISOString().slice(0, 19);
  return offsetMinutes === 0 ? `${local}Z` : local + zoneOffset(offsetMinutes, ":");
}

/** `2024-05-01T12:30:00.123456789+02:00` from nanoseconds since the epoch. */
export function localRfc3339Nano(nanoseconds: bigint): string {
  const seconds = Number(nanoseconds / 1_000_000_000n);
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, "0");
  const whole = localRfc3339(seconds);
  return `${whole.slice(0, 19)}.${fraction}${whole.slice(19)}`;
}

/** `2024-05-01 10:30:00.5 +0000 UTC`: a time in RFC 3339 as Go prints it, with its own zone. */
export function goTimeOfRfc3339(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return text;
  const [, day, time, fraction = "", zone] = match;
  const short = fraction.replace(/\.?0+$/, "");
  if (zone === "Z") return `${day} ${time}${short} +0000 UTC`;
  const offset = zone!.replace(":", "");
  const date = new Date(text);
  const isLocal = zoneOffset(-date.getTimezoneOffset(), "") === offset;
  return `${day} ${time}${short} ${offset} ${isLocal ? zoneName(date, -date.getTimezoneOffset()) : offset}`;
}

function zoneOffset(minutes: number, separator: string): string {
  const sign = minutes < 0 ? "-" : "+";
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${sign}${String(hours).padStart(2, "0")}${separator}${String(rest).padStart(2, "0")}`;
}

/** The zone's abbreviation, for which each locale knows only its own part of the world. */
function zoneName(date: Date, offsetMinutes: number): string {
  for (const locale of ["en-US", "en-GB", "en-AU"]) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: "short" }).formatToParts(date);
    const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
    if (/^[A-Z]{2,5}$/.test(name)) return name;
  }
  return offsetMinutes === 0 ? "UTC" : zoneOffset(offsetMinutes, "").replace(/00$/, "");
}
