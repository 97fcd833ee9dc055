/**
 * Netlink messages (netlink(7), linux/netlink.h): a header of 16 bytes, a body that the type defines, then attributes,
 * each a length, a type and a payload, padded to 4 bytes. Numbers are in the host's byte order, which is little-endian
 * wherever berth runs.
 */

// linux/netlink.h
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLMSG_HEADER = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

/** A request under construction. The sequence number is filled in when it is sent. */
export class NetlinkMessage {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = NLMSG_HEADER;

  constructor(type: number, flags: number) {
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags | NLM_F_REQUEST, true);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#grow(1), value);
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#grow(2), value, true);
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#grow(4), value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#grow(value.length));
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    return this.#attribute(type, () => this.bytes(value));
  }

  attributeU8(type: number, value: number): this {
    return this.#attribute(type, () => this.u8(value));
  }

  attributeU16(type: number, value: number): this {
    return this.#attribute(type, () => this.u16(value));
  }

  attributeU32(type: number, value: number): this {
    return this.#attribute(type, () => this.u32(value));
  }

  /** NUL-terminated, as the kernel wants names. */
  attributeText(type: number, value: string): this {
    return this.#attribute(type, () => this.bytes(Buffer.from(`${value}\0`)));
  }

  /** An attribute that `fill` puts attributes into. */
  nested(type: number, fill: (inside: this) => void): this {
    return this.#attribute(type | NLA_F_NESTED, () => fill(this));
  }

  /** Asks for something more: NLM_F_ACK. */
  addFlags(flags: number): void {
    this.#view.setUint16(6, this.#view.getUint16(6, true) | flags, true);
  }

  /** The message's bytes, padded so that another may follow. */
  finish(sequence: number): Uint8Array {
    this.#view.setUint32(0, this.#length, true);
    this.#view.setUint32(8, sequence, true);
    return this.#bytes.subarray(0, align(this.#length));
  }

  #attribute(type: number, fill: () => void): this {
    const start = this.#grow(4);
    fill();
    this.#view.setUint16(start, this.#length - start, true);
    this.#view.setUint16(start + 2, type, true);
    this.#grow(align(this.#length) - this.#length);
    return this;
  }

  /** Makes room at the end. @returns where it starts. */
  #grow(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (align(this.#length) > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, align(this.#length)));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

/** Netlink pads everything to four bytes. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A message from the kernel; the body is a view into the receive buffer and only valid until the next read. */
export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** The messages of one datagram. */
export function* parseMessages(datagram: Buffer): Generator<NetlinkReply> {
  for (let at = 0; at + NLMSG_HEADER <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < NLMSG_HEADER || at + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      body: datagram.subarray(at + NLMSG_HEADER, at + length),
    };
    at += align(length);
  }
}

/** Attributes by type; of one that is given twice, the last. */
export type Attributes = Map<number, Buffer>;

export function parseAttributes(bytes: Buffer): Attributes {
  const attributes: Attributes = new Map();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

export function attributeText(attributes: Attributes, type: number): string | undefined {
  return attributes.get(type)?.toString("utf8").replace(/\0+$/, "");
}

export function attributeU32(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.readUInt32LE(0);
}

export function attributeU8(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.readUInt8(0);
}
