import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { ReadQueue } from "./read-queue.ts";

/** A connection by `node:net`, for Node and Deno. */
export async function dialWithNode(endpoint: Endpoint): Promise<Connection> {
  const target =
    endpoint.kind === "unix" ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const socket = connect({ ...target, allowHalfOpen: true });
  await once(socket, "connect");
  return new NodeConnection(socket);
}

class NodeConnection implements Connection {
  readonly #socket: Socket;
  readonly #queue: ReadQueue;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#queue = new ReadQueue((paused) => (paused ? socket.pause() : socket.resume()));
    socket.on("data", (bytes: Buffer) => this.#queue.push(bytes));
    socket.on("end", () => this.#queue.end());
    socket.on("error", (error) => this.#queue.fail(error));
    socket.on("close", () => this.#queue.end());
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  end(): void {
    this.#socket.end();
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#queue.read();
  }

  close(reason: unknown = new Error("connection closed")): void {
    this.#queue.fail(reason);
    this.#socket.destroy();
  }
}
