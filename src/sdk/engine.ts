import { EngineError } from "../lib/index.ts";
import { abortable, type Connection, dial } from "./connection.ts";
import { Containers } from "./containers.ts";
import { discoverEndpoint, environmentSearch } from "./discover.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { ConnectionError, responseError } from "./errors.ts";
import { Execs } from "./execs.ts";
import { exchange, type HttpHeaders, type HttpRequest, type HttpResponse, type RequestBody } from "./http.ts";
import { ImageVersions } from "./image-versions.ts";
import { Images } from "./images.ts";
import { Manifests } from "./manifests.ts";
import { Networks } from "./networks.ts";
import { encodeQuery, type Query } from "./query.ts";
import { System } from "./system.ts";
import { Volumes } from "./volumes.ts";

/** The newest version of the Engine API that this client speaks. */
export const API_VERSION = "1.51";

export interface EngineOptions {
  /** Speak exactly this version of the API instead of negotiating (`DOCKER_API_VERSION`). */
  readonly apiVersion?: string;
  /** Sent with every request, e.g. `HttpHeaders` of the client's configuration. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly userAgent?: string;
  /**
   * Called when no engine could be reached, once. Resolving with true says that one may answer now: the
   * connection is tried again.
   */
  readonly whenUnreachable?: (error: ConnectionError) => Promise<boolean>;
  /** What happens on the wire, for debugging. */
  readonly trace?: (line: string) => void;
}

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
  readonly endpoint: Endpoint;
  readonly containers: Containers = new Containers(this);
  readonly execs: Execs = new Execs(this);
  readonly images: Images = new Images(this);
  readonly imageVersions: ImageVersions = new ImageVersions(this);
  readonly manifests: Manifests = new Manifests(this);
  readonly volumes: Volumes = new Volumes(this);
  readonly networks: Networks = new Networks(this);
  readonly system: System = new System(this);
  readonly #options: EngineOptions;
  #version: string;
  #settled: boolean;
  #revived: Promise<boolean> | undefined;

  constructor(endpoint: Endpoint | string, options: EngineOptions = {}) {
    this.endpoint = typeof endpoint === "string" ? parseEndpoint(endpoint) : endpoint;
    this.#options = options;
    this.#version = (options.apiVersion ?? API_VERSION).replace(/^v/, "");
    this.#settled = options.apiVersion !== undefined;
  }

  /** Finds an engine as the command-line client does: environment, contexts, default socket. */
  static async connect(options: EngineOptions & { host?: string; context?: string } = {}): Promise<Engine> {
    const { host, context, ...rest } = options;
    const found = await discoverEndpoint(await environmentSearch({ host, context }));
    const apiVersion = rest.apiVersion ?? process.env["DOCKER_API_VERSION"];
    return new Engine(
      found.endpoint,
      apiVersion === undefined || apiVersion === "" ? rest : { ...rest, apiVersion },
    );
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
  async negotiate(signal?: AbortSignal): Promise<string> {
    if (this.#settled) return this.#version;
    const response = await this.#exchange({ method: "HEAD", path: "/_ping" }, signal);
    await response.drain();
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
    return this.#request(call, undefined);
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
  async run(call: Call): Promise<void> {
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

  async #request(call: Call, upgrade: HttpRequest["upgrade"]): Promise<HttpResponse> {
    let response = await this.#requestOnce(call, upgrade);
    if (this.#wantsOlderVersion(response)) {
      await response.drain();
      response = await this.#requestOnce(call, upgrade);
    }
    if (response.status >= 400) {
      throw responseError(response.status, await response.text(), response.headers.get("server"));
    }
    return response;
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
    const connection = await this.open();
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
  #wantsOlderVersion({ status, headers }: HttpResponse): boolean {
    const newest = headers.get("api-version");
    if (this.#settled || status !== 400 || newest === undefined || !isOlder(newest, this.#version))
      return false;
    this.#settle(newest);
    return true;
  }

  #settle(offered: string | undefined): void {
    if (offered !== undefined && isOlder(offered, this.#version)) this.#version = offered;
    this.#settled = true;
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
