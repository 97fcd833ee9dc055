import { chmodSync, chownSync, unlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { log, messageOf } from "../../lib/index.ts";
import type { SshConnection } from "../ports.ts";

export interface AgentSocketOptions {
  /** Where the socket is made. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** A connection to the client's agent. */
  readonly connect: () => Promise<SshConnection>;
}

/** Whoever is more than this many at a time waits. */
const CONNECTIONS_MAX = 64;

/** A socket on which a step finds its user's ssh agent. Disposing of it ends all that is said on it. */
export class AgentSocket implements AsyncDisposable {
  readonly #server: Server;
  readonly #path: string;
  readonly #connections = new Set<Socket>();
  readonly #talks = new Set<Promise<void>>();

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  static async open({ path, mode, uid, gid, connect }: AgentSocketOptions): Promise<AgentSocket> {
    const server = createServer({ allowHalfOpen: true });
    server.maxConnections = CONNECTIONS_MAX;
    const socket = new AgentSocket(server, path);
    server.on("connection", (connection) => socket.#accept(connection, connect));
    server.on("error", (error) => log.debug("an agent's socket failed", { error: messageOf(error) }));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return socket;
  }

  #accept(connection: Socket, connect: AgentSocketOptions["connect"]): void {
    this.#connections.add(connection);
    const talk = forward(connection, connect)
      .catch((error: unknown) => log.debug("an agent's connection failed", { error: messageOf(error) }))
      .finally(() => {
        connection.destroy();
        this.#connections.delete(connection);
        this.#talks.delete(talk);
      });
    this.#talks.add(talk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(this.#talks);
    try {
      unlinkSync(this.#path);
    } catch {
      // The server has done so itself.
    }
  }
}

/** Until either side has had enough. */
async function forward(connection: Socket, connect: AgentSocketOptions["connect"]): Promise<void> {
  const closed = new Promise<void>((resolve) => connection.once("close", resolve));
  await using agent = await connect();
  const out = (async () => {
    for await (const bytes of connection) await agent.send(bytes as Uint8Array);
    agent.end();
  })();
  const back = (async () => {
    for await (const bytes of agent.received) {
      if (!connection.write(bytes)) await Promise.race([drained(connection), closed]);
      if (connection.destroyed) return;
    }
    connection.end();
  })();
  out.catch(() => {});
  await Promise.race([back, closed]);
}

function drained(connection: Socket): Promise<void> {
  return new Promise((resolve) => connection.once("drain", resolve));
}
