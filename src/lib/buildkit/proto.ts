import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GrpcError, GrpcStatus } from "./services.ts";

/** proto3: what is empty or nought is left out. */
export class Writer {
  readonly #inner = new BinaryWriter();

  text(field: number, text: string): void {
    if (text !== "") this.#inner.tag(field, WireType.LengthDelimited).string(text);
  }

  bytes(field: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#inner.tag(field, WireType.LengthDelimited).bytes(bytes);
  }

  number(field: number, value: number): void {
    if (value !== 0) this.#inner.tag(field, WireType.Varint).int64(Math.trunc(value));
  }

  /** `google.protobuf.Timestamp`; microseconds are kept. */
  time(field: number, milliseconds: number | undefined): void {
    if (milliseconds === undefined) return;
    const seconds = Math.floor(milliseconds / 1000);
    const nanos = Math.round((milliseconds - seconds * 1000) * 1000) * 1000;
    this.message(field, () => {
      this.number(1, nanos >= 1e9 ? seconds + 1 : seconds);
      this.number(2, nanos >= 1e9 ? 0 : nanos);
    });
  }

  /** A field that is a message: what `write` writes. */
  message(field: number, write: () => void): void {
    this.#inner.tag(field, WireType.LengthDelimited).fork();
    write();
    this.#inner.join();
  }

  /** A `map<string, string>`. */
  texts(field: number, entries: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(entries)) {
      this.message(field, () => {
        this.text(1, key);
        this.text(2, value);
      });
    }
  }

  finish(): Uint8Array {
    return this.#inner.finish();
  }
}

const decoder = new TextDecoder();

/** @throws GrpcError where a message is malformed */
export function decodeFields(message: Uint8Array): Fields {
  try {
    return new Fields(message);
  } catch (error) {
    throw new GrpcError(GrpcStatus.internal, "malformed message", { cause: error });
  }
}

/** The fields of a message, by number. */
export class Fields {
  readonly #values = new Map<number, (Uint8Array | number)[]>();

  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (wire === WireType.LengthDelimited) this.#add(field, reader.bytes());
      else if (wire === WireType.Varint) this.#add(field, Number(reader.int64()));
      else reader.skip(wire, field);
    }
  }

  #add(field: number, value: Uint8Array | number): void {
    const values = this.#values.get(field);
    if (values === undefined) this.#values.set(field, [value]);
    else values.push(value);
  }

  #all(field: number): Uint8Array[] {
    return (this.#values.get(field) ?? []).filter((value) => typeof value !== "number");
  }

  number(field: number): number {
    const value = this.#values.get(field)?.at(-1);
    return typeof value === "number" ? value : 0;
  }

  bytes(field: number): Uint8Array {
    return this.#all(field).at(-1) ?? new Uint8Array(0);
  }

  text(field: number): string {
    return decoder.decode(this.bytes(field));
  }

  texts(field: number): string[] {
    return this.#all(field).map((bytes) => decoder.decode(bytes));
  }

  /** A `map<string, string>`, of which the last of a key counts. */
  textMap(field: number): Map<string, string> {
    return new Map(this.messages(field).map((entry) => [entry.text(1), entry.text(2)]));
  }

  has(field: number): boolean {
    return this.#values.has(field);
  }

  messages(field: number): Fields[] {
    return this.#all(field).map((bytes) => new Fields(bytes));
  }

  time(field: number): number | undefined {
    const [time] = this.messages(field);
    return time === undefined ? undefined : time.number(1) * 1000 + time.number(2) / 1e6;
  }
}
