import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { invalidParameter, type StreamInput, type StreamSession } from "../../lib/index.ts";
import type { Call } from "../call.ts";
import { ClientGone, drained } from "./writing.ts";

/** RFC 6455, section 1.3. */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
/** The largest message a client may send at once. Terminals send a few bytes. */
const MESSAGE_LIMIT = 1024 * 1024;
const LINGER_MS = 10_000;

/**
 * The part of RFC 6455 that `attach` over a WebSocket needs: the process's output goes out as binary messages,
 * raw, both streams mixed; what the client sends, text or binary, is the process's input.
 * @throws InvalidParameter where the request is no handshake; nothing has been answered then
 */
export async function runWebSocket(
  call: Call,
  start: (signal: AbortSignal) => Promise<StreamSession>,
): Promise<void> {
  const key = checkHandshake(call);
  const { signal } = call;
  const session = await start(signal);
  const accept = createHash("sha1")
    .update(key + HANDSHAKE_GUID)
    .digest("base64");
  const upgrade = call.switchTo("websocket", { "Sec-WebSocket-Accept": accept });
  if (upgrade === undefined) throw invalidParameter("not websocket protocol");
  const { socket } = upgrade;
  receive(socket, upgrade.head, session.input);
  try {
    for await (const { bytes } of session.output) {
      const wait = sendMessage(socket, BINARY, bytes);
      if (wait !== undefined) await wait;
    }
    await sendMessage(socket, CLOSE, closeBody(1000, ""));
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  } finally {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
  }
}

function checkHandshake(call: Call): string {
  const key = call.header("sec-websocket-key");
  const isHandshake =
    call.upgradeRequested && call.header("upgrade")?.toLowerCase() === "websocket" && key !== undefined;
  if (!isHandshake) throw invalidParameter("not websocket protocol");
  if (call.header("sec-websocket-version") !== "13") {
    throw invalidParameter("missing or bad WebSocket Version");
  }
  return key;
}

/** @throws ClientGone */
function sendMessage(socket: Duplex, opcode: number, bytes: Uint8Array): Promise<void> | undefined {
  if (socket.destroyed) throw new ClientGone();
  const { length } = bytes;
  const lengthSize = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + lengthSize + length);
  frame[0] = 0x80 | opcode;
  frame[1] = lengthSize === 0 ? length : lengthSize === 2 ? 126 : 127;
  if (lengthSize === 2) frame.writeUInt16BE(length, 2);
  else if (lengthSize === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(bytes, 2 + lengthSize);
  return socket.write(frame) ? undefined : drained(socket);
}

function closeBody(code: number, reason: string): Buffer {
  const body = Buffer.alloc(2 + Buffer.byteLength(reason));
  body.writeUInt16BE(code, 0);
  body.write(reason, 2);
  return body;
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Of the frame with its head. */
  readonly size: number;
}

class ProtocolError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The first whole frame in `bytes`, unmasked, or how many bytes there must be at least. @throws ProtocolError */
function parseFrame(bytes: Buffer): Frame | number {
  if (bytes.length < 2) return 2;
  const first = bytes[0]!;
  if ((first & 0x70) !== 0) throw new ProtocolError(1002, "reserved bits are set");
  if ((bytes[1]! & 0x80) === 0) throw new ProtocolError(1002, "a client's frames must be masked");
  let length = bytes[1]! & 0x7f;
  let offset = 2;
  if (length === 126) {
    if (bytes.length < 4) return 4;
    length = bytes.readUInt16BE(2);
    offset = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return 10;
    // Number: only compared with the limit.
    length = Number(bytes.readBigUInt64BE(2));
    offset = 10;
  }
  if (length > MESSAGE_LIMIT) throw new ProtocolError(1009, "message too big");
  const size = offset + 4 + length;
  if (bytes.length < size) return size;
  const payload = Buffer.from(bytes.subarray(offset + 4, size));
  for (let i = 0; i < length; i++) payload[i] = payload[i]! ^ bytes[offset + (i & 3)]!;
  return { opcode: first & 0x0f, payload, size };
}

/** Bytes on their way to becoming frames. A frame that comes byte by byte is put together once, not once a byte. */
class Gathered {
  #parts: Buffer[] = [];
  #length = 0;
  #needed = 0;

  /** @throws ProtocolError */
  *frames(bytes: Buffer): Generator<Frame, void, undefined> {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    while (this.#length >= this.#needed) {
      const whole = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      const found = parseFrame(whole);
      const rest = typeof found === "number" ? whole : whole.subarray(found.size);
      this.#parts = [rest];
      this.#length = rest.length;
      this.#needed = typeof found === "number" ? found : 0;
      if (typeof found !== "number") yield found;
    }
  }
}

/** Reads the client's messages into the process's input, no faster than the process takes them. */
function receive(socket: Duplex, head: Buffer, input: StreamInput | undefined): void {
  const gathered = new Gathered();
  let closed = false;
  let last: Promise<void> = Promise.resolve();
  const end = () => {
    last = last.then(() => input?.end()).catch(() => {});
  };
  const close = (body: Uint8Array) => {
    closed = true;
    end();
    void sendMessage(socket, CLOSE, body)?.catch(() => {});
    socket.end();
  };
  const handle = (frame: Frame) => {
    // Fragments (opcode 0) need no joining: input is a stream of bytes.
    if (frame.opcode === TEXT || frame.opcode === BINARY || frame.opcode === 0) {
      last = last.then(() => input?.write(frame.payload)).catch(() => {});
    } else if (frame.opcode === PING) {
      // In turn, too: whoever asks and never reads must not make answers pile up here.
      last = last.then(() => sendMessage(socket, PONG, frame.payload.subarray(0, 125))).catch(() => {});
    } else if (frame.opcode === CLOSE) {
      close(frame.payload.subarray(0, 2));
    } else if (frame.opcode !== PONG) throw new ProtocolError(1002, "unknown opcode");
  };
  const take = (bytes: Buffer) => {
    if (closed) return;
    try {
      for (const frame of gathered.frames(bytes)) {
        handle(frame);
        if (closed) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) return void socket.destroy();
      return close(closeBody(error.code, error.message));
    }
    socket.pause();
    last = last.then(() => {
      socket.resume();
    });
  };
  socket
    .on("data", take)
    .on("end", end)
    .on("close", end)
    .on("error", () => {});
  if (head.length > 0) take(head);
}
