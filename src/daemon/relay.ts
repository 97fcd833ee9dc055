import { createConnection, type Socket } from "node:net";
import { statDescriptor } from "../linux/index.ts";

/** How long a client may leave its own half open after the engine's last byte. */
const LINGER_MS = 10_000;

/** For whom connections to inner sockets were made: the client's by our own end of the inner one. */
const relayed = new Map<Socket, Socket>();

/** The client for whom a connection was made, by the inode of our end of it. */
export function clientBehind(inode: bigint): Socket | undefined {
  for (const [inner, client] of relayed) {
    const fd = descriptorOfSocket(inner);
    if (fd !== undefined && statDescriptor(fd).ino === inode) return client;
  }
  return undefined;
}

/** Bun's and Node's, but not in the types. */
export function descriptorOfSocket(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}

/**
 * Joins a client to a server that listens on a socket which nobody but root can reach, byte for byte, with back pressure
 * and with the ends of both directions.
 * @param first what was already read of the client
 */
export function relay(client: Socket, first: Buffer | undefined, innerPath: string): void {
  const inner = createConnection({ path: innerPath, allowHalfOpen: true });
  relayed.set(inner, client);
  inner.once("close", () => relayed.delete(inner));
  inner.on("error", () => client.destroy());
  if (first !== undefined) inner.write(first);
  client.pipe(inner);
  inner.pipe(client);
  client.once("close", () => inner.destroy());
  inner.once("close", () => {
    // The server has done with the client: what it said last (an alert, say) still goes out.
    client.unpipe(inner);
    client.end();
    client.resume();
    lingerThenDestroy(client);
  });
}

/** Closes a connection when the client has closed its half, or has had time enough to. */
export function lingerThenDestroy(client: Socket): void {
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  timer.unref();
  client.once("close", () => clearTimeout(timer));
  client.once("end", () => client.destroySoon());
  if (client.readableEnded) client.destroySoon();
}
