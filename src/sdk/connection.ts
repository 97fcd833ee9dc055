import { dialWithBun } from "./connection-bun.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * A byte stream in both directions: all that an exchange with an engine needs from the platform. Writing and
 * reading are independent, so that one side can be closed while the other goes on (half-close).
 */
export interface Connection {
  /** Resolves when the kernel has taken the bytes: await it, so that a slow peer slows its writer. */
  write(bytes: Uint8Array): Promise<void>;
  /** Half-close: the peer reads end-of-file, reading goes on. Idempotent. */
  end(): void;
  /** The next bytes; undefined at the end. Fails where the connection broke. One reader at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Gives the connection up; pending reads and writes fail with the reason. Idempotent. */
  close(reason?: unknown): void;
}

/**
 * Opens a connection. Bun's own sockets cost a tenth of loading `node:net` (measured: 0.3 against 3 ms), which
 * is why there are two.
 * @throws the platform's error with its `code` (`ENOENT`, `ECONNREFUSED`, `EACCES`), or `HandshakeError` where the
 * engine was reached and a connection not made.
 */
export async function dial(endpoint: Endpoint): Promise<Connection> {
  if (endpoint.kind === "ssh") return (await import("./connection-ssh.ts")).dialWithSsh(endpoint);
  if (typeof Bun !== "undefined") return dialWithBun(endpoint);
  return (await import("./connection-node.ts")).dialWithNode(endpoint);
}

/** A connection that is given up when the signal aborts; it forgets the signal when it is closed. */
export function abortable(connection: Connection, signal: AbortSignal | undefined): Connection {
  if (signal === undefined) return connection;
  const abort = () => connection.close(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return {
    write: (bytes) => connection.write(bytes),
    end: () => connection.end(),
    read: () => connection.read(),
    close: (reason) => {
      signal.removeEventListener("abort", abort);
      connection.close(reason);
    },
  };
}
