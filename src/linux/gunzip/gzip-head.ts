/** What is not gzip, or is damaged, or ends early. */
export class DamagedGzip extends Error {}

/** RFC 1952, 2.3.1: the magic number and the only method there is. */
const BEGINNING = [0x1f, 0x8b, 8] as const;
const FIXED_BYTES = 10;
const FLAG = { check: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const;

type Field = "fixed" | "extra length" | "extra" | "name" | "comment" | "check";

/** Passes over the head of a member of gzip, which may come in pieces. Nothing of it is kept. */
export class GzipHead {
  /** The field that comes, and those behind it. */
  readonly #fields: Field[] = ["fixed"];
  /** Bytes of the field that have yet to come; of a text, which ends with a zero, it is not known. */
  #left = FIXED_BYTES;
  /** A field of numbers, as far as it has come. */
  #numbers: number[] = [];
  #check = 0;

  get isWhole(): boolean {
    return this.#fields.length === 0;
  }

  /** @returns how many of these bytes are part of it. @throws DamagedGzip */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.isWhole) {
      const [field] = this.#fields;
      const isText = field === "name" || field === "comment";
      const end = isText ? bytes.indexOf(0, at) + 1 || Number.POSITIVE_INFINITY : at + this.#left;
      const part = bytes.subarray(at, end);
      at += part.length;
      if (field === "fixed" || field === "extra length" || field === "check") this.#numbers.push(...part);
      if (field !== "check") this.#check = Bun.hash.crc32(part, this.#check);
      if (!isText) this.#left -= part.length;
      if (at === end) this.#onField(field!);
    }
    return at;
  }

  #onField(field: Field): void {
    const [low, high] = this.#numbers as [number, number];
    if (field === "fixed") this.#onFixed();
    if (field === "check" && (low | (high << 8)) !== (this.#check & 0xffff))
      throw new DamagedGzip("incorrect head");
    this.#numbers = [];
    this.#fields.shift();
    this.#left = field === "extra length" ? low | (high << 8) : 2;
    const isEmpty = this.#fields[0] === "extra" && this.#left === 0;
    if (isEmpty) this.#onField("extra");
  }

  #onFixed(): void {
    const flags = this.#numbers[BEGINNING.length]!;
    const isGzip = BEGINNING.every((byte, at) => this.#numbers[at] === byte);
    if (!isGzip || (flags & FLAG.reserved) !== 0) throw new DamagedGzip("incorrect head");
    if ((flags & FLAG.extra) !== 0) this.#fields.push("extra length", "extra");
    if ((flags & FLAG.name) !== 0) this.#fields.push("name");
    if ((flags & FLAG.comment) !== 0) this.#fields.push("comment");
    if ((flags & FLAG.check) !== 0) this.#fields.push("check");
  }
}
