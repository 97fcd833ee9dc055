import { invalidHeader, TAR_LIMITS, type TarSegment } from "./entry.ts";
import { readNumber } from "./fields.ts";
import { paxNumber } from "./pax.ts";

/**
 * GNU tar's four ways to store a sparse file (GNU tar manual, "Storing Sparse Files"): in the header block
 * itself (`S`), in repeated PAX records (0.0), in one PAX record (0.1), and before the data (1.0).
 */

/** Pairs of offset and length in a GNU header or continuation block; a pair of empty fields ends the list. */
export function readGnuPairs(block: Uint8Array, start: number, count: number, into: TarSegment[]): void {
  for (let i = 0; i < count; i++) {
    const at = start + i * 24;
    if (block[at] === 0 || block[at + 12] === 0) return;
    into.push({ offset: readNumber(block, at, 12), length: readNumber(block, at + 12, 12) });
    if (into.length > TAR_LIMITS.segments) throw invalidHeader("too many sparse segments");
  }
}

/** `GNU.sparse.map` of format 0.1: numbers between commas. */
export function parseSparseMap(value: Uint8Array): TarSegment[] {
  const text = Buffer.from(value).toString("latin1");
  return pairUp(text === "" ? [] : text.split(","));
}

/** The decimal lines before the data in format 1.0: how many pairs, then the pairs. */
export class SparsePreface {
  #numbers: string[] = [];
  #digits = "";
  #wanted = -1;

  /** Takes one block of the preface; true when it was the last one. */
  take(block: Uint8Array): boolean {
    for (const byte of block) {
      if (this.#wanted >= 0 && this.#numbers.length === this.#wanted) break;
      if (byte !== 0x0a) {
        this.#digits += String.fromCharCode(byte);
        if (this.#digits.length > 16) throw invalidHeader("a sparse map has an overlong number");
      } else this.#line();
    }
    return this.#wanted >= 0 && this.#numbers.length === this.#wanted;
  }

  get segments(): TarSegment[] {
    return pairUp(this.#numbers);
  }

  #line(): void {
    const digits = this.#digits;
    this.#digits = "";
    if (this.#wanted >= 0) {
      this.#numbers.push(digits);
      return;
    }
    const count = paxNumber("sparse map", Buffer.from(digits));
    if (count > TAR_LIMITS.segments) throw invalidHeader("too many sparse segments");
    this.#wanted = count * 2;
  }
}

function pairUp(numbers: readonly string[]): TarSegment[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * TAR_LIMITS.segments) {
    throw invalidHeader("a sparse map is malformed");
  }
  const segments: TarSegment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    segments.push({
      offset: paxNumber("sparse offset", Buffer.from(numbers[i]!)),
      length: paxNumber("sparse length", Buffer.from(numbers[i + 1]!)),
    });
  }
  return segments;
}

/**
 * The map without its empty stretches. Stretches come in order and apart, end inside the file, and are as
 * long in sum as the stored bytes, so that whoever writes them needs no check.
 */
export function checkSegments(segments: readonly TarSegment[], size: number, stored: number): TarSegment[] {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > size) throw invalidHeader("a sparse map is out of order");
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) throw invalidHeader("a sparse map does not fit its data");
  return segments.filter((segment) => segment.length > 0);
}
