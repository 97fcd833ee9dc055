import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http";
import { type Duplex, Writable } from "node:stream";
import { drained } from "./streams/writing.ts";

/** What is asked of a response, be it an ordinary one or one on a bare socket. */
export type Answer = Writable &
  Pick<ServerResponse, "headersSent" | "shouldKeepAlive" | "useChunkedEncodingByDefault" | "flushHeaders"> & {
    writeHead(status: number, headers?: OutgoingHttpHeaders): unknown;
  };

/**
 * The answer to a request that asked for an upgrade which nobody granted: its body ends with the connection. `node:http`'s own,
 * on such a socket, loses what a slow client has not yet taken (Bun 1.4).
 */
export class SocketAnswer extends Writable {
  readonly #socket: Duplex;
  #handedOver = false;
  headersSent = false;
  shouldKeepAlive = false;
  useChunkedEncodingByDefault = false;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    socket.once("close", () => this.destroy());
  }

  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    this.headersSent = true;
    const lines = Object.entries({ ...headers, Connection: "close" })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${String(value).replace(/[\r\n]/g, " ")}\r\n`);
    this.#socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`);
    return this;
  }

  /** The head went out when it was written. */
  flushHeaders(): void {}

  /** From here on the socket is somebody else's. */
  handOver(): void {
    this.#handedOver = true;
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#socket.write(bytes)) done();
    else drained(this.#socket).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#handedOver && !this.writableFinished) this.#socket.destroy();
    done(error);
  }
}
