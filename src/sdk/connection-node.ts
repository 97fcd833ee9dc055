import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import type { Connection } from "./connection.ts";
import type { TcpEndpoint, TlsMaterial, UnixEndpoint } from "./endpoint.ts";
import { HandshakeError } from "./errors.ts";
import { ReadQueue } from "./read-queue.ts";

/** A connection by `node:net`, for Node and Deno. */
export async function dialWithNode(endpoint: UnixEndpoint | TcpEndpoint): Promise<Connection> {
  if (endpoint.kind === "tcp" && endpoint.tls !== undefined) return dialTls(endpoint, endpoint.tls);
  const target =
    endpoint.kind === "unix" ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const socket = connect({ ...target, allowHalfOpen: true });
  await once(socket, "connect");
  return new NodeConnection(socket);
}

async function dialTls({ host, port }: TcpEndpoint, tls: TlsMaterial): Promise<Connection> {
  const { describeTlsError, TlsConnection } = await import("./connection-tls.ts");
  const { connect: secure } = await import("node:tls");
  const plain = connect({ host, port, allowHalfOpen: true });
  await once(plain, "connect");
  const { verify, ...material } = tls;
  // An address is no server name (RFC 6066, section 3); the certificate is checked against `host` either way.
  const name = isIP(host) === 0 ? { servername: host } : {};
  try {
    const options = { ...material, ...name, host, socket: plain, allowHalfOpen: true };
    const secured = secure({ ...options, rejectUnauthorized: verify });
    await once(secured, "secureConnect");
    return new TlsConnection(new NodeConnection(secured));
  } catch (error) {
    plain.destroy();
    throw new HandshakeError(describeTlsError(error), error);
  }
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
