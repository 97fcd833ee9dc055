import { createServer, type Socket } from "node:net";
import { relay } from "./relay.ts";
import type { FrontServer } from "./tls-front.ts";

/**
 * The door of a socket that systemd has opened: it hands each connection's bytes on to the real server, which listens on a
 * socket that nobody but root can reach. Bun 1.4's `node:http` does not listen on a descriptor: told to, it opens a port
 * of its own choice to everybody. `node:net` does.
 */
export function openPlainFront(innerPath: string): FrontServer {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    sockets.add(client);
    client.on("error", () => {}).once("close", () => sockets.delete(client));
    relay(client, undefined, innerPath);
  });
  return {
    server,
    destroyAll: () => sockets.forEach((socket) => void socket.destroy()),
  };
}
