import type { Readable, Writable } from "node:stream";
import { STDOUT, type StreamSession } from "../../lib/index.ts";
import { sendFrame } from "./frames.ts";
import { pumpInput } from "./pump.ts";
import { ClientGone, send } from "./writing.ts";

/** How long a client may leave its own half open after our last byte. */
const LINGER_MS = 10_000;

/** A connection that carries a process's streams instead of HTTP. */
export interface Hijacked {
  /** What the client sends; ends with its half-close. */
  readonly source: Readable;
  /** Bytes that arrived before the connection was taken over. */
  readonly first?: Uint8Array;
  readonly target: Writable;
}

/** Joins a client to a session until the session's output ends or the client goes. */
export async function runSession(connection: Hijacked, session: StreamSession): Promise<void> {
  const { source, target } = connection;
  if (session.input !== undefined) pumpInput(source, session.input, connection.first);
  else source.on("error", () => {}).resume();
  try {
    for await (const chunk of session.output) {
      const wait = session.tty ? send(target, chunk.bytes) : sendFrame(target, chunk);
      if (wait !== undefined) await wait;
    }
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  } finally {
    finish(connection);
  }
}

/**
 * Closes our half after the last byte. The client's half is read to its end first: closing a TCP socket with
 * unread bytes in it would reset the connection and take the output's last bytes along.
 */
export function finish({ source, target }: Hijacked): void {
  if (target.destroyed) return;
  target.end();
  source.resume();
  const timer = setTimeout(() => source.destroy(), LINGER_MS);
  timer.unref();
  source.once("close", () => clearTimeout(timer));
}

/** Tells a client that has already been answered what went wrong: on standard output, as Docker does for `exec`. */
export function finishWithMessage(connection: Hijacked, tty: boolean, message: string): void {
  const bytes = Buffer.from(`${message}\r\n`);
  const { target } = connection;
  if (target.destroyed) return;
  if (tty) target.write(bytes);
  else void sendFrame(target, { stream: STDOUT, bytes })?.catch(() => {});
  finish(connection);
}
