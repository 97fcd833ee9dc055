import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

export type StreamAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "tls"; readonly host: string; readonly port: number; readonly tls?: TlsFiles };

export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly skipVerify: boolean;
}

const CONNECT_TIMEOUT = 10_000;

/** Go's words for what connect(2) says. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "no such file or directory",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EACCES: "permission denied",
  ETIMEDOUT: "i/o timeout",
};

/** A byte stream to a log server, which may answer. Once it has failed it is of no use any more. */
export class Connection {
  readonly #socket: Socket | TLSSocket;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  #received: Buffer[] = [];

  private constructor(socket: Socket | TLSSocket) {
    this.#socket = socket;
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed by the log server")));
    socket.on("end", () => this.#fail(new Error("the connection was closed by the log server")));
    socket.on("drain", () => this.#wake());
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
  }

  /** @throws `dial tcp 127.0.0.1:514: connect: connection refused` */
  static async open(address: StreamAddress): Promise<Connection> {
    const socket = dial(address);
    const connection = new Connection(socket);
    const connected = Promise.withResolvers<void>();
    socket.once(address.kind === "tls" ? "secureConnect" : "connect", () => connected.resolve());
    connection.#wake = () => connected.reject(connection.#failure);
    const timer = setTimeout(() => connection.#fail(timeout()), CONNECT_TIMEOUT);
    try {
      await connected.promise;
      return connection;
    } catch (error) {
      socket.destroy();
      throw new Error(`dial ${nameOf(address)}: ${reasonOf(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
      connection.#wake = () => {};
    }
  }

  get isBroken(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when the kernel has taken the bytes. @param milliseconds Until it fails; 0: never. */
  async write(bytes: Uint8Array, milliseconds = 0): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#socket.write(bytes)) return;
    await this.#until(() => !this.#socket.writableNeedDrain, milliseconds);
  }

  /** What the server said since the last call; waits for it. At most 64 KiB are kept. */
  async read(milliseconds: number): Promise<Buffer> {
    await this.#until(() => this.#received.length > 0, milliseconds);
    return Buffer.concat(this.#received.splice(0));
  }

  /** What was written is still sent. */
  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Writes and reads that wait fail. */
  destroy(): void {
    this.#fail(new Error("the connection was given up"));
  }

  async #until(condition: () => boolean, milliseconds: number): Promise<void> {
    const timer = milliseconds > 0 ? setTimeout(() => this.#fail(timeout()), milliseconds) : undefined;
    try {
      while (!condition()) {
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#wake = () => {};
    }
  }

  #receive(bytes: Buffer): void {
    const kept = this.#received.reduce((sum, part) => sum + part.length, 0);
    if (kept < 64 * 1024) this.#received.push(bytes);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#wake();
  }
}

function dial(address: StreamAddress): Socket | TLSSocket {
  if (address.kind === "unix") return connect({ path: address.path });
  const { host, port } = address;
  if (address.kind === "tcp") return connect({ host, port });
  const { ca, cert, key, skipVerify } = address.tls ?? { skipVerify: false };
  const file = (path: string | undefined) =>
    path === undefined || path === "" ? undefined : readFileSync(path);
  return connectTls({
    host,
    port,
    servername: host,
    ca: file(ca),
    cert: file(cert),
    key: file(key),
    rejectUnauthorized: !skipVerify,
  });
}

function nameOf(address: StreamAddress): string {
  if (address.kind === "unix") return `unix ${address.path}`;
  return `tcp ${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  return REASONS[code] === undefined ? (error as Error).message : `connect: ${REASONS[code]}`;
}

function timeout(): Error {
  return Object.assign(new Error("i/o timeout"), { code: "ETIMEDOUT" });
}
