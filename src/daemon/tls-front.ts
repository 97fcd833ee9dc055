import { createServer, type Server, type Socket } from "node:net";
import { lingerThenDestroy, relay } from "./relay.ts";

/** A TLS record of the handshake, with which every connection begins (RFC 8446, section 5.1). */
const HANDSHAKE_RECORD = 0x16;
/** What Go's server, and so dockerd's, says to who speaks HTTP without TLS; Docker's client prints the sentence. */
const NOT_TLS = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
/** A client that connects says something at once. */
const FIRST_BYTE_MS = 10_000;
/** Clients whose machine has gone are noticed after some minutes, as by Go's server. */
const KEEP_ALIVE_MS = 15_000;
/** Whoever has no certificate yet can open connections too: they must not use up the daemon's descriptors. */
const CONNECTIONS_MAX = 1_000;

export interface FrontServer {
  /** Of connections, not of requests; it listens as the other does. */
  readonly server: Server;
  /** Ends what is still open. */
  destroyAll(): void;
}

/**
 * The door of a TLS address: it looks at the first byte and, where that begins a handshake, hands the connection's bytes on
 * as they are to the real server, which listens on a socket that nobody but root can reach.
 *
 * A door of its own, because Bun 1.4's `node:https` drops a client that speaks no TLS without a word and without an event
 * (`node:tls` has `tlsClientError`, when the connection is gone already), and a `connection` handed to it by `emit`
 * gets another implementation of HTTP than one that came in by itself: one that leaves the body of a request with
 * `Upgrade` to its reader. By itself it does everything else as the plain one does: `upgrade`, the half-close in both
 * directions (TLS's close-notify is `end`), back pressure. It refuses a client without a certificate by an alert, and one
 * with a stranger's by closing the connection after the handshake.
 */
export function openTlsFront(innerPath: string): FrontServer {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    sockets.add(client);
    client.on("error", () => {}).once("close", () => sockets.delete(client));
    client.setKeepAlive(true, KEEP_ALIVE_MS);
    const timer = setTimeout(() => client.destroy(), FIRST_BYTE_MS);
    client.once("close", () => clearTimeout(timer));
    const leave = () => void client.destroy();
    client.once("end", leave).once("data", (first: Buffer) => {
      clearTimeout(timer);
      client.off("end", leave);
      if (first[0] === HANDSHAKE_RECORD) relay(client, first, innerPath);
      else refuse(client);
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  return {
    server,
    destroyAll: () => sockets.forEach((socket) => void socket.destroy()),
  };
}

/** What the client goes on to send is read: a connection closed over unread bytes takes the answer along. */
function refuse(client: Socket): void {
  client.end(NOT_TLS);
  client.resume();
  lingerThenDestroy(client);
}
