import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSocketServer, type Socket, type Server as SocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, type EngineOptions } from "./engine.ts";

/** A request as an engine got it. */
export interface Asked {
  readonly method: string;
  /** Without the version. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (asked: Asked, response: ServerResponse) => unknown;

/** Engines for unit tests, which answer as the test says. Dispose of it when the test is over. */
export class FakeEngines implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "berth-sdk-fake-"));
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];
  #silent: SocketServer | undefined;

  /** What the function returns is the answer as JSON; nothing: it answers itself, or never. */
  async start(answer: Answer, options?: EngineOptions): Promise<Engine> {
    const path = join(this.folder, `${this.#servers.length}.sock`);
    const server = createServer((request, response) => void reply(request, response, answer));
    this.#servers.push(server);
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    return new Engine({ kind: "unix", path }, options);
  }

  /** One that answers nothing at all, and tells when it is asked something. */
  async startSilent(onAsked: () => void): Promise<Engine> {
    const path = join(this.folder, "silent.sock");
    this.#silent = createSocketServer((socket) => {
      this.#sockets.push(socket.on("error", () => {}));
      socket.once("data", onAsked);
    });
    await new Promise<void>((resolve) => void this.#silent?.listen(path, resolve));
    return new Engine({ kind: "unix", path });
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#silent?.close();
    rmSync(this.folder, { recursive: true });
  }
}

async function reply(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://engine");
  response.setHeader("Api-Version", "1.51");
  if (pathname === "/_ping") return void response.end();
  const asked = {
    method: request.method ?? "",
    path: pathname.replace(/^\/v[\d.]+/, ""),
    query: searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks).toString(),
  };
  const value = await answer(asked, response);
  if (value === undefined || response.headersSent) return;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(value));
}

/** Answers with an error. */
export function refuse(response: ServerResponse, status: number, message: string): object {
  response.statusCode = status;
  return { message };
}
