/**
 * One record of the monitor's log, in the format `k8s-file` (that of Kubernetes' container runtime interface):
 *
 *     2026-01-02T03:04:05.123456789+00:00 stdout F text of a line\n
 *     2026-01-02T03:04:05.123456789+00:00 stderr P bytes without a newline\n
 *
 * A record ends with the only newline it holds. With `F` that newline is part of the output, with `P` (partial) the monitor
 * added it: the process wrote no newline there, and what follows on that stream goes on with the same line. The monitor
 * reads 8 KiB at a time, so a long line is many `P` and one `F`. The text is bytes, never decoded.
 */
import { type OutputStream, STDERR, STDOUT } from "../../lib/index.ts";

/** Length of `2026-01-02T03:04:05.123456789+00:00`. The offset is that of the monitor's time zone. */
export const TIME_LENGTH = 35;
/** Length of everything before the text. */
export const HEADER_LENGTH = 45;

const STREAM_LETTER_AT = 39;
const FLAG_AT = 43;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const LETTER_T = 0x54;
const LETTER_F = 0x46;
const LETTER_P = 0x50;
const LETTER_O = 0x6f;
const LETTER_E = 0x65;

/** Whether a record's header stands at `at`, whose newline is at `newline`. */
export function isRecord(bytes: Uint8Array, at: number, newline: number): boolean {
  if (newline - at < HEADER_LENGTH) return false;
  const flag = bytes[at + FLAG_AT];
  const letter = bytes[at + STREAM_LETTER_AT];
  return (
    (flag === LETTER_F || flag === LETTER_P) &&
    (letter === LETTER_O || letter === LETTER_E) &&
    bytes[at + TIME_LENGTH] === SPACE &&
    bytes[at + FLAG_AT + 1] === SPACE &&
    bytes[at + FLAG_AT - 1] === SPACE &&
    bytes[at + 10] === LETTER_T
  );
}

/** Of a record: its text ends a line. */
export function endsLine(bytes: Uint8Array, at: number): boolean {
  return bytes[at + FLAG_AT] === LETTER_F;
}

export function streamOf(bytes: Uint8Array, at: number): OutputStream {
  return bytes[at + STREAM_LETTER_AT] === LETTER_O ? STDOUT : STDERR;
}

/**
 * Where the record begins on a line that does not begin with one. A disk that is full, or a monitor that was killed, leaves
 * half a record without a newline, and the next record is written right behind it.
 * @returns −1 where the line holds none.
 */
export function findRecord(bytes: Buffer, from: number, newline: number): number {
  for (let at = newline - HEADER_LENGTH; at > from; at--) {
    at = bytes.lastIndexOf(LETTER_T, at + 10) - 10;
    if (at <= from) return -1;
    if (isRecord(bytes, at, newline)) return at;
  }
  return -1;
}

/** Length of the whole records at the beginning of these bytes: the rest is still being written. */
export function wholeRecords(bytes: Buffer): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}

/** Index of the newline that ends the record at `from`, or the end of the bytes. */
export function endOfRecord(bytes: Buffer, from: number): number {
  const newline = bytes.indexOf(NEWLINE, from);
  return newline < 0 ? bytes.length : newline;
}
