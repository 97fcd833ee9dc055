import type { Writable } from "node:stream";

/** The client went away. Nobody is left to be told. */
export class ClientGone extends Error {
  constructor() {
    super("the client closed the connection");
    this.name = "ClientGone";
  }
}

/**
 * Writes, and, where the peer is slower than we are, resolves when it has caught up.
 * @throws ClientGone
 */
export function send(target: Writable, bytes: Uint8Array | string): Promise<void> | undefined {
  if (target.destroyed) throw new ClientGone();
  return target.write(bytes) ? undefined : drained(target);
}

/** @throws ClientGone: a stream that was closed never drains. */
export function drained(target: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      target.off("drain", done).off("close", done).off("error", done);
      if (target.destroyed || target.closed) reject(new ClientGone());
      else resolve();
    };
    target.on("drain", done).on("close", done).on("error", done);
    if (target.destroyed) done();
  });
}
