import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { EngineError, kindOf, log, messageOf, notFound } from "../lib/index.ts";
import type { ErrorResponse } from "../wire/index.ts";
import { type Answer, SocketAnswer } from "./answer.ts";
import { BodyTooLarge, hasBody } from "./body.ts";
import { Call, type OpenOffered, type Upgrade } from "./call.ts";
import type { UserOfSocket } from "./caller.ts";
import { checkOrigin } from "./origin.ts";
import { Query } from "./query.ts";
import type { Router } from "./router.ts";
import { statusOf } from "./status.ts";
import { ClientGone } from "./streams/writing.ts";
import { API_VERSION, splitVersion } from "./version.ts";

export interface ApiServerOptions {
  readonly router: Router;
  /** Of berth itself: `0.1.0`. */
  readonly version: string;
  /** Tells who is at the other end of a Unix socket. */
  readonly userOfSocket?: UserOfSocket;
  readonly openOffered?: OpenOffered;
}

/** A request as it came in. */
interface Incoming {
  readonly request: IncomingMessage;
  readonly response: Answer;
  readonly upgrade?: Upgrade;
  readonly isNetwork: boolean;
}

/**
 * The Engine API on a `node:http` server, which the daemon makes listen where it was told.
 *
 * What Bun 1.4's `node:http` does, as tried with raw sockets:
 * - `upgrade` comes for every request with an `Upgrade` header (curl's `h2c` too), and its body, whole or in pieces, is
 *   read from the request as usual; what follows it comes from the socket. `head` has so far always been empty.
 * - The upgraded socket allows a half-open connection; the client's half-close is `end`. When the peer of a unix socket is
 *   gone altogether `close` follows at once; over TCP only a failing write tells.
 * - A half-close of a plain request ends its connection before the answer, unless `httpAllowHalfOpen` is set.
 * - Malformed heads, heads over 16 KB and a body shorter than promised end the connection and nothing else.
 * - With the default `requestTimeout` an upload that takes more than five minutes is cut off.
 */
export class ApiServer {
  readonly #router: Router;
  readonly #userOfSocket: UserOfSocket | undefined;
  readonly #openOffered: OpenOffered | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Duplex>();
  /** Requests whose answer has not begun. */
  readonly #unanswered = new Set<Promise<void>>();

  constructor(options: ApiServerOptions) {
    this.#router = options.router;
    this.#userOfSocket = options.userOfSocket;
    this.#openOffered = options.openOffered;
    this.#headers = {
      "Api-Version": API_VERSION,
      "Docker-Experimental": "false",
      Ostype: "linux",
      Server: `Berth/${options.version} (linux)`,
    };
  }

  /**
   * A server that answers; the caller makes it listen. Several may be had: one for each address.
   * @param isNetwork browsers can come to it, also where its connections are those of a door in front of it
   */
  serve(server: Server = createServer(), isNetwork = false): Server {
    // Streams and uploads last as long as they last; a client may keep an idle connection for its next request.
    server.requestTimeout = 0;
    server.headersTimeout = HEAD_TIMEOUT_MS;
    server.keepAliveTimeout = 0;
    server.timeout = 0;
    server.once("listening", () => allowHalfClose(server));
    server.on("request", (request, response) => void this.#handle({ request, response, isNetwork }));
    server.on("upgrade", (request, socket, head) => {
      // Without a listener a connection reset by the client would be an uncaught exception.
      socket.on("error", () => {});
      const answer = new SocketAnswer(socket);
      void this.#handle({ request, response: answer, isNetwork, upgrade: { socket, head, answer } });
    });
    server.on("clientError", (error, socket) => {
      log.debug("a connection sent no HTTP", { error: messageOf(error) });
      socket.destroy();
    });
    server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.once("close", () => this.#servers.delete(server));
    this.#servers.add(server);
    return server;
  }

  /**
   * Stops listening, waits for requests whose answer has not begun, and then ends every connection, streams included.
   * @param graceMs how long to wait at most
   */
  async close(graceMs = 0): Promise<void> {
    const closed = [...this.#servers].map(
      (server) => new Promise<void>((resolve) => void server.close(() => resolve())),
    );
    if (this.#unanswered.size > 0 && graceMs > 0) {
      log.info("waiting for requests that are under way", { requests: this.#unanswered.size });
      await Promise.race([Promise.all(this.#unanswered), Bun.sleep(graceMs)]);
    }
    for (const server of this.#servers) server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #handle(incoming: Incoming): Promise<void> {
    const { request, response } = incoming;
    response.on("error", () => {});
    const answered = Promise.withResolvers<void>();
    this.#unanswered.add(answered.promise);
    const settle = () => {
      this.#unanswered.delete(answered.promise);
      answered.resolve();
    };
    response.once("close", settle);
    try {
      await this.#route(incoming, settle);
    } catch (error) {
      this.#fail(request, response, error);
    } finally {
      settle();
    }
  }

  #route({ request, response, upgrade, isNetwork }: Incoming, onAnswer: () => void): void | Promise<void> {
    checkOrigin(request, isNetwork);
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const { minor, path } = splitVersion(plainPath(mark < 0 ? url : url.slice(0, mark)));
    const match = this.#router.match(request.method ?? "GET", path);
    if (match === undefined) throw notFound("page not found");
    const query = new Query(mark < 0 ? "" : url.slice(mark + 1));
    const { params } = match;
    const headers = this.#headers;
    const userOfSocket = this.#userOfSocket;
    const openOffered = this.#openOffered;
    return match.route.handler(
      new Call({
        request,
        response,
        minor,
        path,
        params,
        query,
        headers,
        upgrade,
        onAnswer,
        userOfSocket,
        openOffered,
        isNetwork,
      }),
    );
  }

  #fail(request: IncomingMessage, response: Answer, error: unknown): void {
    if (error instanceof ClientGone || request.aborted) return void response.destroy();
    const status = error instanceof BodyTooLarge ? 413 : statusOf(kindOf(error));
    if (!(error instanceof EngineError)) {
      log.error("a request failed", {
        method: request.method,
        url: loggableUrl(request.url),
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    } else {
      // What is refused is the client's business; what went wrong inside is the operator's.
      log[status === 500 ? "error" : "debug"]("a request failed", {
        method: request.method,
        url: loggableUrl(request.url),
        status,
        error: error.message,
      });
    }
    // Too late to tell: a body cut short is all that a client of HTTP can see.
    if (response.headersSent || response.destroyed) return void response.destroy();
    if (status === 304) {
      response.writeHead(304, this.#headers);
      return void response.end();
    }
    const body: ErrorResponse = { message: messageOf(error) };
    const text = Buffer.from(`${JSON.stringify(body)}\n`);
    const headers: Record<string, string | number> = {
      ...this.#headers,
      "Content-Type": "application/json",
      "Content-Length": text.length,
    };
    if (hasBody(request) && !request.complete) answerEarly(request, response, status, headers, text);
    else {
      response.writeHead(status, headers);
      response.end(request.method === "HEAD" ? undefined : text);
    }
  }
}

/** How long a client may take over the head of a request, as with dockerd (`ReadHeaderTimeout`). */
const HEAD_TIMEOUT_MS = 5 * 60_000;
/** How long a client may go on with a body that nobody wants before the connection is closed on it. */
const UNWANTED_BODY_MS = 2_000;

/**
 * Answers before the body has come in. Closing at once could take the answer along, for a client that still writes
 * sees only a broken connection; so the rest runs dry for a moment.
 */
function answerEarly(
  request: IncomingMessage,
  response: Answer,
  status: number,
  headers: Record<string, string | number>,
  text: Buffer,
): void {
  response.writeHead(status, { ...headers, Connection: "close" });
  response.write(text);
  const timer = setTimeout(() => response.end(), UNWANTED_BODY_MS);
  timer.unref();
  request.once("end", () => response.end());
  response.once("close", () => clearTimeout(timer));
  request.resume();
}

/**
 * `printf 'GET /info …' | nc -N -U` closes its half behind the request and waits for the answer. Over TCP this is
 * how a client that goes away looks, too: there its streams must end, for with no event to send nothing else would tell.
 */
function allowHalfClose(server: Server): void {
  // Node's and Bun's, but not in the types.
  Object.assign(server, { httpAllowHalfOpen: typeof server.address() === "string" });
}

/**
 * Decoded, with one slash where there are several. Clients put names in as they got them, `/web` for one: `/containers//web/json`.
 * Docker sends those elsewhere with a 301.
 */
function plainPath(path: string): string {
  const decoded = decodePath(path);
  return decoded.includes("//") ? decoded.replaceAll(/\/{2,}/g, "/") : decoded;
}

function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw new EngineError("InvalidParameter", `invalid URL escape in ${JSON.stringify(path.slice(0, 200))}`);
  }
}

/** What may stand in a log: a build's arguments, and the address of its context, may be secrets. */
function loggableUrl(url = ""): string {
  const [path = ""] = url.split("?", 1);
  return (/\/build$/.test(path) ? path : url).slice(0, 200);
}
