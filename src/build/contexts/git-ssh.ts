import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { kindOf, newId } from "../../lib/index.ts";
import type { ClientServices } from "../ports.ts";

/** A socket on which the client's ssh agent answers. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

/** @returns undefined where the client forwards no agent */
export async function openAgentSocket(
  services: ClientServices,
  directory: string,
): Promise<AgentSocket | undefined> {
  try {
    await using probe = await services.sshAgent("default");
    probe.end();
  } catch (error) {
    if (kindOf(error) === "NotFound") return undefined;
    throw error;
  }
  const path = join(directory, `agent-${newId().slice(0, 12)}`);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => {});
    void forward(socket, services).catch(() => socket.destroy());
  });
  await listen(server, path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve());
  });
}

async function forward(socket: Socket, services: ClientServices): Promise<void> {
  await using agent = await services.sshAgent("default");
  const sending = (async () => {
    for await (const bytes of socket as AsyncIterable<Buffer>) await agent.send(bytes);
    agent.end();
  })();
  sending.catch(() => socket.destroy());
  for await (const bytes of agent.received) socket.write(bytes);
  socket.end();
  await sending.catch(() => {});
}
