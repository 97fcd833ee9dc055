import { decodeName } from "../names.ts";
import { invalidHeader } from "./entry.ts";

/** Reading and writing the fixed fields of a header block (POSIX ustar, with GNU's base-256 numbers). */

/** A NUL-terminated string. */
export function readText(block: Uint8Array, start: number, length: number): string {
  let end = start;
  let bits = 0;
  for (const stop = start + length; end < stop; end++) {
    const byte = block[end]!;
    if (byte === 0) break;
    bits |= byte;
  }
  if (end === start) return "";
  // Most names are ASCII, and there are five in each header.
  if (bits < 0x80 && Buffer.isBuffer(block)) return block.toString("latin1", start, end);
  return decodeName(block.subarray(start, end));
}

/**
 * Octal digits between spaces and NULs, or base-256: a set top bit, then a big-endian two's complement.
 * @throws TarError where the number is malformed or beyond what a double holds exactly.
 */
export function readNumber(block: Uint8Array, start: number, length: number): number {
  if ((block[start]! & 0x80) !== 0) return readBase256(block, start, length);
  let at = start;
  const stop = start + length;
  while (at < stop && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < stop; at++) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < stop; at++) {
    if (block[at] !== 0x20 && block[at] !== 0) throw invalidHeader("a number is not octal");
  }
  return checkSafe(value);
}

function readBase256(block: Uint8Array, start: number, length: number): number {
  const negative = (block[start]! & 0x40) !== 0;
  let value = (block[start]! & 0x3f) - (negative ? 0x40 : 0);
  for (let at = start + 1; at < start + length; at++) {
    value = value * 256 + block[at]!;
    if (!Number.isSafeInteger(value)) throw invalidHeader("a number is too large");
  }
  return value;
}

function checkSafe(value: number): number {
  if (!Number.isSafeInteger(value)) throw invalidHeader("a number is too large");
  return value;
}

/** Whether the number fits as octal digits with a terminator. */
export function fitsOctal(value: number, length: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** (length - 1);
}

/** Zero-padded octal digits and a NUL; what does not fit is written as zero, since a PAX record tells it. */
export function writeNumber(block: Uint8Array, start: number, length: number, value: number): void {
  const digits = (fitsOctal(value, length) ? value : 0).toString(8).padStart(length - 1, "0");
  for (let i = 0; i < digits.length; i++) block[start + i] = digits.charCodeAt(i);
}

const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

/** Sum of the block's bytes with the checksum field read as spaces. */
function checksum(block: Uint8Array): number {
  let sum = CHECKSUM_BYTES * 0x20;
  for (let i = 0; i < CHECKSUM_AT; i++) sum += block[i]!;
  for (let i = CHECKSUM_AT + CHECKSUM_BYTES; i < 512; i++) sum += block[i]!;
  return sum;
}

/** The same of bytes with signs, as old tars made it. */
function signedChecksum(block: Uint8Array): number {
  let negative = 0;
  for (let i = 0; i < 512; i++)
    if (i < CHECKSUM_AT || i >= CHECKSUM_AT + CHECKSUM_BYTES) negative += block[i]! >> 7;
  return checksum(block) - 256 * negative;
}

/** @throws TarError where the block's checksum is wrong. */
export function verifyChecksum(block: Uint8Array): void {
  const stored = readNumber(block, CHECKSUM_AT, CHECKSUM_BYTES);
  if (stored !== checksum(block) && stored !== signedChecksum(block))
    throw invalidHeader("the checksum is wrong");
}

/** Six octal digits, NUL, space, as every tar writes it. */
export function writeChecksum(block: Uint8Array): void {
  const digits = checksum(block).toString(8).padStart(6, "0");
  for (let i = 0; i < 6; i++) block[CHECKSUM_AT + i] = digits.charCodeAt(i);
  block[CHECKSUM_AT + 6] = 0;
  block[CHECKSUM_AT + 7] = 0x20;
}

export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < 512; i++) if (block[i] !== 0) return false;
  return true;
}
