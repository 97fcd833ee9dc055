import { type Challenge, parseChallenges } from "./auth/challenge.ts";
import { basicAuthorization, type Credentials } from "./auth/credentials.ts";
import type { TokenRequest, Tokens } from "./auth/tokens.ts";
import type { Endpoint } from "./endpoints.ts";
import { connectionError, errorOfAnswer, RegistryError, withoutSecrets } from "./errors.ts";
import type { Scope } from "./scopes.ts";
import type { HttpAnswer, HttpRequest, Transport } from "./transport.ts";

export interface EndpointRequest {
  readonly method: HttpRequest["method"];
  /** Behind the host, `/v2/…`; or a whole address that the registry named. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  readonly scopes: readonly Scope[];
  readonly signal: AbortSignal;
  readonly answerMs?: number;
  /** Statuses that are no failure. */
  readonly accept: readonly number[];
}

/** Which protocol an insecure host speaks; found out once. */
export type Protocols = Map<string, "https:" | "http:">;

/** Requests to one registry, by one user: finds out how to reach it, and shows it what it wants to see. */
export class EndpointClient {
  readonly endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #tokens: Tokens;
  readonly #protocols: Protocols;
  readonly #credentials: Credentials | undefined;
  /** How the registry challenged us, by which the next requests know what to send. */
  #challenges: readonly Challenge[] | undefined;

  constructor(
    endpoint: Endpoint,
    parts: { transport: Transport; tokens: Tokens; protocols: Protocols },
    credentials: Credentials | undefined,
  ) {
    this.endpoint = endpoint;
    this.#transport = parts.transport;
    this.#tokens = parts.tokens;
    this.#protocols = parts.protocols;
    // Nobody has logged in to a mirror.
    this.#credentials = endpoint.isMirror ? undefined : credentials;
  }

  /**
   * Sends a request, with authorization if the registry asks for it.
   * @returns an answer with one of the accepted statuses
   * @throws RegistryError for every other
   */
  async request(request: EndpointRequest): Promise<HttpAnswer> {
    const url = await this.address(request.target, request.signal);
    // An address that the registry named may be another's, or the same host's without TLS.
    const isOwn = url.origin === (await this.address("/v2/", request.signal)).origin;
    const first = await this.#send(request, url, isOwn ? await this.#authorization(request) : undefined);
    if (first.status !== 401 || !isOwn) return await this.#check(first, request, url);
    const challenges = parseChallenges(first.headers.get("www-authenticate"));
    const body = await first.body.head();
    const wasKnown = this.#challenges !== undefined;
    this.#challenges = challenges;
    if (wasKnown) this.#forgetToken(request);
    const authorization = await this.#authorization(request);
    if (authorization === undefined) throw this.#unanswerable(first, body, request, url);
    return await this.#check(await this.#send(request, url, authorization), request, url);
  }

  /** A request that carries this authorization and no other. */
  async bare(request: EndpointRequest, authorization?: string): Promise<HttpAnswer> {
    const url = await this.address(request.target, request.signal);
    return await this.#check(await this.#send(request, url, authorization), request, url);
  }

  /** A target's whole address. */
  async address(target: string | URL, signal: AbortSignal): Promise<URL> {
    if (typeof target !== "string") return target;
    const { host, prefix, namespace } = this.endpoint;
    const url = new URL(`${await this.#protocol(signal)}//${host}${prefix}${target}`);
    if (namespace !== undefined) url.searchParams.set("ns", namespace);
    return url;
  }

  /** An insecure host is asked by https first, and by http where it does not speak that. */
  async #protocol(signal: AbortSignal): Promise<"https:" | "http:"> {
    const { host, protocols } = this.endpoint;
    const [first, second] = protocols;
    if (second === undefined) return first!;
    const known = this.#protocols.get(host);
    if (known !== undefined) return known;
    const insecure = true;
    const found = await this.#transport
      .send({ method: "GET", url: new URL(`${first}//${host}/v2/`), signal, insecure })
      .then(async ({ body }) => {
        await body.cancel();
        return first!;
      })
      .catch((error: unknown) => {
        signal.throwIfAborted();
        if (error instanceof RegistryError) return second;
        throw error;
      });
    this.#protocols.set(host, found);
    return found;
  }

  async #send(
    { method, headers, body, signal, answerMs }: EndpointRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<HttpAnswer> {
    const { insecure, host } = this.endpoint;
    try {
      return await this.#transport.send({
        method,
        url,
        signal,
        insecure,
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
        ...(authorization === undefined ? {} : { authorization }),
        ...(answerMs === undefined ? {} : { answerMs }),
      });
    } catch (error) {
      // It may have come back as something else.
      if (error instanceof RegistryError && error.status === 0) this.#protocols.delete(host);
      throw error;
    }
  }

  async #authorization(request: EndpointRequest): Promise<string | undefined> {
    const credentials = this.#credentials;
    if (credentials?.registryToken !== undefined) return `Bearer ${credentials.registryToken}`;
    const token = this.#tokenRequest(request);
    if (token !== undefined) return `Bearer ${(await this.#tokens.get(token)).token}`;
    const wantsBasic = this.#challenges?.some(({ scheme }) => scheme === "basic") === true;
    const hasPassword = credentials?.username !== undefined && credentials.password !== undefined;
    return wantsBasic && hasPassword ? basicAuthorization(credentials) : undefined;
  }

  #tokenRequest({ scopes, signal }: EndpointRequest): TokenRequest | undefined {
    const bearer = this.#challenges?.find(({ scheme }) => scheme === "bearer")?.parameters;
    if (bearer?.["realm"] === undefined) return undefined;
    return {
      realm: bearer["realm"],
      service: bearer["service"],
      scopes: scopes.length > 0 ? scopes : (bearer["scope"]?.split(" ") ?? []),
      credentials: this.#credentials,
      insecure: this.endpoint.insecure,
      signal,
    };
  }

  #forgetToken(request: EndpointRequest): void {
    const token = this.#tokenRequest(request);
    if (token !== undefined) this.#tokens.forget(token);
  }

  /** Docker's words where a registry wants a password and there is none. */
  #unanswerable(answer: HttpAnswer, body: string, { method }: EndpointRequest, url: URL): RegistryError {
    const wantsBasic = this.#challenges?.some(({ scheme }) => scheme === "basic") === true;
    if (!wantsBasic || this.#credentials !== undefined)
      return errorOfAnswer(answer.status, answer.statusText, body);
    const verb = method[0] + method.slice(1).toLowerCase();
    return new RegistryError(`${verb} "${withoutSecrets(url)}": no basic auth credentials`, {
      code: "UNAUTHORIZED",
      status: 401,
    });
  }

  async #check(answer: HttpAnswer, request: EndpointRequest, url: URL): Promise<HttpAnswer> {
    if (request.accept.includes(answer.status)) return answer;
    const body = await answer.body.head();
    const [challenge] = parseChallenges(answer.headers.get("www-authenticate"));
    if (answer.status < 400) {
      throw connectionError(
        request.method,
        url,
        new Error(`unexpected status: ${answer.status} ${answer.statusText}`.trim()),
      );
    }
    throw errorOfAnswer(answer.status, answer.statusText, body, {
      retryAfter: answer.headers.get("retry-after"),
      challengeError: challenge?.parameters["error"],
    });
  }
}
