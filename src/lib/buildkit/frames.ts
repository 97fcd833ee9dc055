import { GrpcError, GrpcStatus } from "./services.ts";

/** gRPC's own default of what a receiver takes, and more than any message here has. */
export const MESSAGE_BYTES_MAX = 16 << 20;
const HEAD_BYTES = 5;

/** A message with gRPC's head before it: not compressed, its length (grpc/doc/PROTOCOL-HTTP2.md). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEAD_BYTES);
  return framed;
}

/** Cuts a stream of bytes into messages. What it hands out may share memory with what it was given. */
export class FrameDecoder {
  readonly #largest: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Bytes that are needed before anything can be cut off. */
  #needed = HEAD_BYTES;

  constructor(largest = MESSAGE_BYTES_MAX) {
    this.#largest = largest;
  }

  /** @throws GrpcError for a message that is too long or compressed, which nobody asked for */
  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    this.#kept.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    this.#keptBytes += bytes.length;
    if (this.#keptBytes < this.#needed) return;
    const all = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept);
    let at = 0;
    this.#needed = HEAD_BYTES;
    while (all.length - at >= HEAD_BYTES) {
      const length = this.#lengthAt(all, at);
      this.#needed = HEAD_BYTES + length;
      if (all.length - at < this.#needed) break;
      yield all.subarray(at + HEAD_BYTES, at + this.#needed);
      at += this.#needed;
      this.#needed = HEAD_BYTES;
    }
    this.#kept = at === all.length ? [] : [all.subarray(at)];
    this.#keptBytes = all.length - at;
  }

  /** @throws GrpcError where the stream ended within a message */
  end(): void {
    if (this.#keptBytes > 0) throw new GrpcError(GrpcStatus.internal, "unexpected EOF");
  }

  #lengthAt(all: Buffer, at: number): number {
    if (all[at] !== 0)
      throw new GrpcError(GrpcStatus.internal, "a message is compressed, which was not offered");
    const length = all.readUInt32BE(at + 1);
    if (length <= this.#largest) return length;
    throw new GrpcError(
      GrpcStatus.resourceExhausted,
      `received message larger than max (${length} vs. ${this.#largest})`,
    );
  }
}
