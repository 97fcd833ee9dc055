/**
 * Times of records, compared as two plain numbers: a bigint for each of a million lines would cost more than the lines.
 */

/** A point in time in two parts, since nanoseconds since the epoch do not fit into a double. */
export interface Instant {
  readonly seconds: number;
  /** 0 … 999,999,999 */
  readonly nanoseconds: number;
}

const BILLION = 1_000_000_000n;

export function instantOf(nanoseconds: bigint): Instant {
  const seconds = nanoseconds / BILLION;
  const rest = nanoseconds % BILLION;
  return rest < 0n
    ? { seconds: Number(seconds) - 1, nanoseconds: Number(rest + BILLION) }
    : { seconds: Number(seconds), nanoseconds: Number(rest) };
}

export function isBefore(a: Instant, b: Instant): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}

const OFFSET_AT = 29;
const FRACTION_AT = 20;
const MINUS = 0x2d;

/** Reads the times of records. Neighbours mostly fall into the same second, which is then parsed once. */
export class RecordClock implements Instant {
  seconds = 0;
  nanoseconds = 0;
  /** `2026-01-02T03:04:05` of `seconds`, in UTC. */
  #text = Buffer.alloc(19);
  readonly #date = Buffer.alloc(25);

  /** Reads the time of the record at `at`. */
  read(bytes: Buffer, at: number): void {
    if (!this.#isSameSecond(bytes, at)) this.#parseSecond(bytes, at);
    let value = 0;
    for (let i = at + FRACTION_AT; i < at + OFFSET_AT; i++) value = value * 10 + (bytes[i]! - 48);
    this.nanoseconds = value;
  }

  /**
   * Writes the record's time as Docker prints it (RFC 3339 with nine digits in UTC, and a space): 31 bytes.
   * `read` was called for this record before.
   */
  write(bytes: Buffer, at: number, target: Buffer, to: number): number {
    this.#text.copy(target, to);
    bytes.copy(target, to + 19, at + 19, at + OFFSET_AT);
    target[to + 29] = 0x5a;
    target[to + 30] = 0x20;
    return to + 31;
  }

  #isSameSecond(bytes: Buffer, at: number): boolean {
    const date = this.#date;
    for (let i = 18; i >= 0; i--) if (bytes[at + i] !== date[i]) return false;
    for (let i = 0; i < 6; i++) if (bytes[at + OFFSET_AT + i] !== date[19 + i]) return false;
    return true;
  }

  #parseSecond(bytes: Buffer, at: number): void {
    bytes.copy(this.#date, 0, at, at + 19);
    bytes.copy(this.#date, 19, at + OFFSET_AT, at + OFFSET_AT + 6);
    const number = (from: number, to: number) => Number(this.#date.toString("latin1", from, to));
    const sign = this.#date[19] === MINUS ? -1 : 1;
    const local = Date.UTC(
      number(0, 4),
      number(5, 7) - 1,
      number(8, 10),
      number(11, 13),
      number(14, 16),
      number(17, 19),
    );
    const offset = sign * (number(20, 22) * 3600 + number(23, 25) * 60);
    const seconds = local / 1000 - offset;
    this.seconds = Number.isFinite(seconds) ? seconds : 0;
    this.#text = Buffer.from(new Date(this.seconds * 1000).toISOString().slice(0, 19));
  }
}
