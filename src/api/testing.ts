import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutputChunk, StreamInput, StreamSession } from "../lib/index.ts";
import { ApiServer, type Backends, routesOf } from "./index.ts";

/** Tools for this room's tests: an engine of fakes behind a real server, and clients that speak raw HTTP. */

type Fakes = { [K in keyof Backends]?: Partial<Backends[K]> };

/** A backend of which only the given methods exist; calling another one fails the request loudly. */
function fake<T extends object>(name: string, given: Partial<T> | undefined): T {
  return new Proxy((given ?? {}) as T, {
    get: (target, key) => {
      if (Reflect.has(target, key)) {
        const value: unknown = Reflect.get(target, key);
        // A real room given as the fake has private members, which only its own `this` can reach.
        return typeof value === "function" ? value.bind(target) : value;
      }
      // Optional methods must look absent.
      if (["create", "remove", "connect", "disconnect", "prune"].includes(String(key))) {
        if (name !== "containers" && name !== "volumes") return undefined;
      }
      return () => {
        throw new Error(`${name}.${String(key)} is not faked`);
      };
    },
  });
}

export interface TestServer extends AsyncDisposable {
  readonly path: string;
  readonly server: ApiServer;
}

export async function serveFakes(fakes: Fakes): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), "berth-api-"));
  const path = join(directory, "api.sock");
  const backends: Backends = {
    containers: fake("containers", fakes.containers),
    images: fake("images", fakes.images),
    volumes: fake("volumes", fakes.volumes),
    networks: fake("networks", fakes.networks),
    builds: fake("builds", fakes.builds),
    events: fake("events", fakes.events),
    system: fake("system", { builderVersion: "1", ...fakes.system }),
  };
  const server = new ApiServer({ router: routesOf(backends), version: "0.0.0" });
  const http = server.serve();
  await new Promise<void>((resolve) => void http.listen(path, resolve));
  return {
    path,
    server,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

/** One request by an ordinary client. */
export async function ask(
  { path }: TestServer,
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://docker${url}`, {
    method,
    unix: path,
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text) as unknown;
    },
  };
}

/** A bare connection, which reads everything into one buffer. */
export class RawClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #wake: () => void = () => {};
  ended = false;

  /** @param target the path of a unix socket, or an address */
  constructor(target: string | { host: string; port: number }) {
    const address = typeof target === "string" ? { path: target } : target;
    this.socket = createConnection({ ...address, allowHalfOpen: true });
    const wake = () => this.#wake();
    this.socket.on("data", (bytes: Buffer) => {
      this.#chunks.push(bytes);
      wake();
    });
    this.socket.on("end", () => {
      this.ended = true;
      wake();
    });
    this.socket.on("close", () => {
      this.ended = true;
      wake();
    });
    this.socket.on("error", () => {});
  }

  get received(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Waits until what was received satisfies the test, or the server has closed its half. */
  async until(test: (text: string) => boolean): Promise<string> {
    while (!this.ended && !test(this.text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  /** Everything until the server closes its half. */
  async toEnd(): Promise<string> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A process that a test plays: what it prints and what it was sent. */
export class FakeProcess {
  readonly received: Uint8Array[] = [];
  inputEnded = false;
  readonly #queue: (OutputChunk | undefined)[] = [];
  #wake: () => void = () => {};
  #changed: () => void = () => {};
  /** Makes the process slow: each write waits for it. */
  beforeTaking: () => Promise<void> = async () => {};

  print(text: string | Uint8Array, stream: 1 | 2 = 1): void {
    this.#queue.push({ stream, bytes: typeof text === "string" ? Buffer.from(text) : text });
    this.#wake();
  }

  exit(): void {
    this.#queue.push(undefined);
    this.#wake();
  }

  get inputText(): string {
    return Buffer.concat(this.received).toString();
  }

  async untilInput(test: (process: this) => boolean): Promise<void> {
    while (!test(this)) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  session(options: { tty?: boolean; input?: boolean; signal?: AbortSignal } = {}): StreamSession {
    const input: StreamInput = {
      write: async (bytes) => {
        await this.beforeTaking();
        this.received.push(Buffer.from(bytes));
        this.#changed();
      },
      end: () => {
        this.inputEnded = true;
        this.#changed();
      },
    };
    options.signal?.addEventListener("abort", () => this.exit());
    return {
      tty: options.tty ?? false,
      output: this.#output(),
      ...(options.input === false ? {} : { input }),
    };
  }

  async *#output(): AsyncGenerator<OutputChunk> {
    while (true) {
      if (this.#queue.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const chunk = this.#queue.shift();
      if (chunk === undefined) return;
      yield chunk;
    }
  }
}

/** The head of an upgrading POST, as the docker client writes it. */
export function upgradeRequest(url: string, body?: unknown): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `POST ${url} HTTP/1.1`,
    "Host: docker",
    "Connection: Upgrade",
    "Upgrade: tcp",
    "Content-Type: application/json",
    `Content-Length: ${text.length}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}
