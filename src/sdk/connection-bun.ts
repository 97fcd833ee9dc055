import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { ReadQueue } from "./read-queue.ts";

/** A connection by Bun's own sockets. */
export async function dialWithBun(endpoint: Endpoint): Promise<Connection> {
  const connection = new BunConnection();
  const common = { socket: connection.handlers(), allowHalfOpen: true } as const;
  if (endpoint.kind === "unix") await Bun.connect<undefined>({ ...common, unix: endpoint.path });
  else await Bun.connect<undefined>({ ...common, hostname: endpoint.host, port: endpoint.port });
  return connection;
}

class BunConnection implements Connection {
  #socket: Bun.Socket<undefined> | undefined;
  #closed: { readonly reason: unknown } | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #ending = false;
  #writing: Promise<void> = Promise.resolve();
  readonly #queue = new ReadQueue((paused) => (paused ? this.#socket?.pause() : this.#socket?.resume()));

  handlers(): Bun.SocketHandler<undefined> {
    return {
      open: (socket) => {
        this.#socket = socket;
      },
      data: (_socket, bytes) => this.#queue.push(bytes),
      end: () => this.#queue.end(),
      drain: () => this.#wake(),
      close: (_socket, error) => this.#onClose(error),
      error: (_socket, error) => this.#onClose(error),
    };
  }

  write(bytes: Uint8Array): Promise<void> {
    const turn = this.#writing.then(() => this.#writeAll(bytes));
    this.#writing = turn.catch(() => {});
    return turn;
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    void this.#writing.then(() => {
      if (this.#closed === undefined) this.#socket?.shutdown();
    });
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#queue.read();
  }

  close(reason: unknown = new Error("connection closed")): void {
    if (this.#closed !== undefined) return;
    this.#closed = { reason };
    this.#queue.fail(reason);
    this.#wake();
    this.#socket?.terminate();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length; ) {
      if (this.#closed !== undefined) throw this.#closed.reason;
      const taken = this.#socket!.write(sent === 0 ? bytes : bytes.subarray(sent));
      if (taken < 0) throw brokenPipe();
      sent += taken;
      if (sent < bytes.length) {
        this.#drained ??= Promise.withResolvers();
        await this.#drained.promise;
      }
    }
  }

  #onClose(error: unknown): void {
    this.#closed ??= { reason: error ?? brokenPipe() };
    if (error === undefined || error === null) this.#queue.end();
    else this.#queue.fail(error);
    this.#wake();
  }

  #wake(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.resolve();
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error("the engine closed the connection"), { code: "EPIPE" });
}
