import { EngineError } from "../lib/index.ts";
import type { EventMessage } from "../wire/index.ts";
import { isBerth } from "./builds/identity.ts";
import { Builds } from "./builds.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import { abortable, type Connection, dial } from "./connection.ts";
import type { Container } from "./container.ts";
import { Containers } from "./containers.ts";
import { discoverEndpoint, environmentSearch } from "./discover.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { ConnectionError, responseError } from "./errors.ts";
import { Execs } from "./execs.ts";
import { exchange, type HttpHeaders, type HttpRequest, type HttpResponse, type RequestBody } from "./http.ts";
import { ImageVersions } from "./image-versions.ts";
import { Images } from "./images.ts";
import type { PullOptions } from "./make-container.ts";
import { Manifests } from "./manifests.ts";
import { Networks } from "./networks.ts";
import { offerOf } from "./offered-file.ts";
import { encodeQuery, type Query } from "./query.ts";
import type { CreateOptions, RunOptions } from "./run-options.ts";
import { type EventsOptions, System } from "./system.ts";
import { Volumes } from "./volumes.ts";

/** Loaded by those who use handles of containers, which the command-line client does not. */
const making = () => import("./make-container.ts");

/** The newest version of the Engine API that this client speaks. */
export const API_VERSION = "1.51";

export interface EngineOptions {
  /** Speak exactly this version of the API instead of negotiating (`DOCKER_API_VERSION`). */
  readonly apiVersion?: string;
  /** Sent with every request, e.g. `HttpHeaders` of the client's configuration. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `berth` unless told. */
  readonly userAgent?: string;
  /**
   * Called when no engine could be reached, once. Resolving with true says that one may answer now: the
   * connection is tried again.
   */
  readonly whenUnreachable?: (error: ConnectionError) => Promise<boolean>;
  /** What happens on the wire, for debugging. */
  readonly trace?: (line: string) => void;
}

const CONFLICT = 409;

/** One call of the API. */
export interface Call {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Without the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Query;
  readonly headers?: HttpHeaders;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, a stream chunk by chunk. */
  readonly body?: RequestBody;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of any engine that speaks Docker's API: berth, Docker, Podman.
 *
 * ```ts
 * const engine = await Engine.connect();
 * for (const container of await engine.containers.list()) console.log(container.Names);
 * ```
 */
export class Engine {
  /** Where the engine listens. */
  readonly endpoint: Endpoint;
  /** Images from Dockerfiles. */
  readonly builds: Builds = new Builds(this);
  /** Containers, by name or id; `run`, `create` and `container` give handles for one. */
  readonly containers: Containers = new Containers(this);
  /** Further processes in containers. */
  readonly execs: Execs = new Execs(this);
  /** Images. */
  readonly images: Images = new Images(this);
  /** What names of images pointed at before; berth's own. */
  readonly imageVersions: ImageVersions = new ImageVersions(this);
  /** Manifests in registries; berth's own. */
  readonly manifests: Manifests = new Manifests(this);
  /** Named data. */
  readonly volumes: Volumes = new Volumes(this);
  /** What containers are joined by. */
  readonly networks: Networks = new Networks(this);
  /** The engine itself. */
  readonly system: System = new System(this);
  readonly #options: EngineOptions;
  #version: string;
  #settled: boolean;
  /** What the engine calls itself; empty until it was asked. */
  #server = "";
  #revived: Promise<boolean> | undefined;

  constructor(endpoint: Endpoint | string, options: EngineOptions = {}) {
    this.endpoint = typeof endpoint === "string" ? parseEndpoint(endpoint) : endpoint;
    this.#options = options;
    this.#version = (options.apiVersion ?? API_VERSION).replace(/^v/, "");
    this.#settled = options.apiVersion !== undefined;
  }

  /**
   * Finds an engine as the command-line client does: `host` and `context` where they are given, the environment (`BERTH_HOST`,
   * `DOCKER_HOST`, `DOCKER_CONTEXT`, TLS), the context in use, and then the sockets at which berth, Docker and Podman listen.
   * Nothing is asked yet: whether an engine answers shows with the first call.
   */
  static async connect(options: EngineOptions & { host?: string; context?: string } = {}): Promise<Engine> {
    const { host, context, ...rest } = options;
    const found = await discoverEndpoint(await environmentSearch({ host, context }));
    const { presentEndpoint } = await import("./known-sockets.ts");
    const endpoint = await presentEndpoint(found, process.env);
    const apiVersion = rest.apiVersion ?? process.env["DOCKER_API_VERSION"];
    return new Engine(
      endpoint,
      apiVersion === undefined || apiVersion === "" ? rest : { ...rest, apiVersion },
    );
  }

  /**
   * Runs a container, and pulls its image where that is missing. With `await using` it ends with the block, and is removed.
   *
   * ```ts
   * await using db = await engine.run("postgres", { env: { POSTGRES_PASSWORD: "x" }, ports: [5432] });
   * ```
   */
  async run(image: string, options: RunOptions = {}): Promise<Container> {
    return (await making()).runContainer(this, image, options);
  }

  /** Makes a container that is not started yet, and pulls its image where that is missing. */
  async create(image: string, options: CreateOptions = {}): Promise<Container> {
    return (await making()).createContainer(this, image, options);
  }

  /**
   * A container that is there, by its name or id. It stays when the block of `await using` ends.
   * @throws NotFound
   */
  async container(ref: string, cancel?: Cancel): Promise<Container> {
    return (await making()).findContainer(this, ref, signalOf(cancel));
  }

  /** Pulls an image, with the credentials that are stored for its registry. Resolves when it is there. */
  async pull(image: string, options: PullOptions = {}): Promise<void> {
    await (await making()).pullImage(this, image, options);
  }

  /** What happens, until the iteration is left or the signal aborts; with `since` what has happened, too. */
  events(options: EventsOptions = {}): AsyncGenerator<EventMessage, void> {
    return this.system.events(options);
  }

  /** As Docker prints it: `unix:///var/run/berth.sock`. */
  get address(): string {
    return formatEndpoint(this.endpoint);
  }

  /** The API version in use: the newest until the engine has asked for an older one. */
  get apiVersion(): string {
    return this.#version;
  }

  /**
   * Settles the version where it matters beforehand; else the first request finds out. One round trip, once.
   */
  async negotiate(cancel?: Cancel): Promise<string> {
    if (this.#settled) return this.#version;
    const signal = signalOf(cancel);
    signal?.throwIfAborted();
    const response = await this.#exchange({ method: "HEAD", path: "/_ping" }, signal);
    await response.drain();
    this.#server = response.headers.get("server") ?? "";
    this.#settle(response.headers.get("api-version"));
    return this.#version;
  }

  /**
   * Sends a call and gives the response with its body unread.
   * @throws ResponseError where the engine refused, ConnectionError where none answered.
   */
  async send(call: Call): Promise<HttpResponse> {
    call.signal?.throwIfAborted();
    // A stream can be sent once only, so its version has to be right at once.
    if (isStream(call.body)) await this.negotiate(call.signal);
    return (await this.#sendOffered(call)) ?? this.#request(call, undefined);
  }

  /** Lets an engine of ours on this machine read the body's file itself; undefined where it is to be sent. */
  async #sendOffered(call: Call): Promise<HttpResponse | undefined> {
    const offer = offerOf(call.body);
    if (offer === undefined || this.endpoint.kind !== "unix" || !isBerth({ server: this.#server }))
      return undefined;
    const { body: _, ...rest } = call;
    const headers = { ...call.headers, "X-Berth-Body-Fd": offer };
    const response = await this.#requestOnce({ ...rest, headers }, undefined);
    if (response.status === CONFLICT) {
      // The socket's other end is another machine after all, or an engine that cannot see our process.
      await response.drain();
      return undefined;
    }
    return checked(response);
  }

  /** The answer's JSON. */
  async json<T>(call: Call): Promise<T> {
    return JSON.parse(await this.text(call)) as T;
  }

  /** The answer's bytes as text, where the order of keys and all digits of numbers matter. */
  async text(call: Call): Promise<string> {
    return (await this.send(call)).text();
  }

  /** For calls whose answer says nothing. */
  async request(call: Call): Promise<void> {
    await (await this.send(call)).drain();
  }

  /** The answer as it arrives. */
  async stream(call: Call): Promise<AsyncIterable<Uint8Array>> {
    return (await this.send(call)).body();
  }

  /** Takes the connection over (`attach`, `exec`): a raw byte stream in both directions. Close it. */
  async hijack(
    call: Call,
    protocol: "tcp" | "h2c" = "tcp",
  ): Promise<{ stream: Connection; headers: ReadonlyMap<string, string> }> {
    const response = await this.#request(call, protocol);
    if (response.stream === undefined) throw responseError(response.status, await response.text());
    return { stream: response.stream, headers: response.headers };
  }

  /**
   * A bare connection, for those who speak HTTP themselves. Close it.
   * @throws ConnectionError where there is no engine, `HandshakeError` where there is one and no way in.
   */
  async open(): Promise<Connection> {
    try {
      return await dial(this.endpoint);
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      const error = new ConnectionError(this.address, cause);
      this.#revived ??= this.#options.whenUnreachable?.(error) ?? Promise.resolve(false);
      if (!(await this.#revived)) throw error;
      return dial(this.endpoint).catch(() => {
        throw error;
      });
    }
  }

  /** A line for those who debug (`EngineOptions.trace`). */
  trace(line: string): void {
    this.#options.trace?.(line);
  }

  async #request(call: Call, upgrade: HttpRequest["upgrade"]): Promise<HttpResponse> {
    const asked = this.#version;
    let response = await this.#requestOnce(call, upgrade);
    if (this.#wantsOlderVersion(response, asked)) {
      await response.drain();
      response = await this.#requestOnce(call, upgrade);
    }
    // An engine may take a version that is too new for it, and tell its own with the answer.
    else if (!this.#settled && response.headers.has("api-version")) {
      this.#settle(response.headers.get("api-version"));
    }
    return checked(response);
  }

  #requestOnce(call: Call, upgrade: HttpRequest["upgrade"]): Promise<HttpResponse> {
    const query = call.query === undefined ? "" : encodeQuery(call.query);
    const request = {
      method: call.method,
      path: `/v${this.#version}${call.path}${query === "" ? "" : `?${query}`}`,
      headers:
        call.json === undefined ? call.headers : { "Content-Type": "application/json", ...call.headers },
      body: call.json === undefined ? call.body : JSON.stringify(call.json),
      upgrade,
    };
    return this.#exchange(request, call.signal);
  }

  async #exchange(
    request: Omit<HttpRequest, "host">,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const { trace, headers, userAgent = "berth" } = this.#options;
    trace?.(`${request.method} ${request.path}`);
    const connection = await openUnlessAborted(this.open(), signal);
    const whole = {
      ...request,
      host: hostHeader(this.endpoint),
      headers: { "User-Agent": userAgent, ...headers, ...request.headers },
    };
    const response = await exchange(abortable(connection, signal), whole);
    trace?.(`${response.status} ${request.method} ${request.path}`);
    return response;
  }

  /**
   * Whether the engine refused only because our version is too new; then the version is now the engine's.
   * Every answer names the engine's newest version, also one to HEAD, which has no message.
   */
  #wantsOlderVersion({ status, headers }: HttpResponse, asked: string): boolean {
    const newest = headers.get("api-version");
    // Several calls that began at once are all refused: the first to know has settled it for all.
    if (this.#options.apiVersion !== undefined) return false;
    if (status !== 400 || newest === undefined || !isOlder(newest, asked)) return false;
    this.#settle(newest);
    return true;
  }

  #settle(offered: string | undefined): void {
    if (offered !== undefined && isOlder(offered, this.#version)) this.#version = offered;
    this.#settled = true;
  }
}

/** @throws ResponseError where the engine refused */
async function checked(response: HttpResponse): Promise<HttpResponse> {
  if (response.status < 400) return response;
  throw responseError(response.status, await response.text(), response.headers.get("server"));
}

/** A connection that comes after the signal is closed again. */
async function openUnlessAborted(
  opening: Promise<Connection>,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  if (signal === undefined) return opening;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([opening, aborted]);
  } catch (error) {
    opening.then(
      (late) => late.close(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A socket's other end has no name to call it by, and that of ssh none that we know. */
function hostHeader(endpoint: Endpoint): string {
  if (endpoint.kind !== "tcp") return "localhost";
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** Compares versions of the API: 1.9 is older than 1.24. */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

function isStream(body: RequestBody | undefined): boolean {
  return body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array);
}
