import type { Connection } from "./connection.ts";
import type { TcpEndpoint, TlsMaterial, UnixEndpoint } from "./endpoint.ts";
import { HandshakeError } from "./errors.ts";
import { ReadQueue } from "./read-queue.ts";

/** A connection by Bun's own sockets. */
export async function dialWithBun(endpoint: UnixEndpoint | TcpEndpoint): Promise<Connection> {
  const connection = new BunConnection();
  const common = { socket: connection.handlers(), allowHalfOpen: true } as const;
  if (endpoint.kind === "unix") await Bun.connect<undefined>({ ...common, unix: endpoint.path });
  else if (endpoint.tls !== undefined) return dialTls(endpoint, endpoint.tls);
  else await Bun.connect<undefined>({ ...common, hostname: endpoint.host, port: endpoint.port });
  return connection;
}

/**
 * What Bun 1.4's own sockets do with TLS, as tried: the promise resolves before the handshake, of which `handshake` tells; with
 * `rejectUnauthorized` the name is checked too, and nothing is sent or received where anything is wrong; `shutdown()`
 * sends the close-notify that the other side reads as end-of-file, and reading goes on. An engine that does not take our
 * certificate says so behind the handshake (TLS 1.3): then reading fails.
 */
async function dialTls({ host, port }: TcpEndpoint, tls: TlsMaterial): Promise<Connection> {
  const { describeTlsError, TlsConnection } = await import("./connection-tls.ts");
  const connection = new BunConnection();
  const shaken = Promise.withResolvers<void>();
  // Also where nobody awaits it yet.
  shaken.promise.catch(() => {});
  const handlers = connection.handlers();
  const { verify, ...material } = tls;
  const options = {
    hostname: host,
    port,
    allowHalfOpen: true,
    tls: { ...material, rejectUnauthorized: verify },
    socket: {
      ...handlers,
      handshake: (_socket: unknown, succeeded: boolean, error: (Error & { code?: string }) | null) => {
        // `succeeded` is false for a certificate of another name also where nobody asked for a check.
        if (verify ? succeeded && !error : succeeded || error?.code !== "EPROTO") shaken.resolve();
        else shaken.reject(error);
      },
      error: (socket: Bun.Socket<undefined>, error: Error) => {
        shaken.reject(error);
        handlers.error?.(socket, error);
      },
      close: (socket: Bun.Socket<undefined>, error?: Error) => {
        shaken.reject(error ?? new Error("EOF"));
        handlers.close?.(socket, error);
      },
    },
  };
  try {
    await Bun.connect<undefined>(options);
  } catch (error) {
    // Certificates that are none are ours to mend; everything else is a matter of the network.
    const { code = "" } = error as { code?: string };
    throw code.startsWith("ERR_") ? new HandshakeError(describeTlsError(error), error) : error;
  }
  await shaken.promise.catch((error: unknown) => {
    connection.close(error);
    throw new HandshakeError(describeTlsError(error), error);
  });
  return new TlsConnection(connection);
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
