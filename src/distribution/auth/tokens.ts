import { createHash } from "node:crypto";
import { errorOfAnswer, RegistryError } from "../errors.ts";
import { ERROR_BYTES_MAX, type HttpAnswer, type Transport } from "../transport.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";

/** How token servers know this client. */
const CLIENT_ID = "berth";
const TOKEN_ANSWER_BYTES_MAX = 1 << 20;
const TOKENS_MAX = 256;
/** A token that lives no longer than this is used as if it did (distribution's token specification). */
const LIFE_SECONDS_MIN = 60;
/** Not used for so long before its end: requests take time, and clocks differ. */
const MARGIN_MS = 10_000;

export interface TokenRequest {
  readonly realm: string;
  readonly service: string | undefined;
  /** `repository:library/debian:pull`. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Ask for a refresh token too, which stands for the password from then on. */
  readonly offline?: boolean;
  /** The registry may be without TLS, and so may its token server. */
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

export interface Token {
  readonly token: string;
  readonly refreshToken: string | undefined;
}

interface Kept extends Token {
  readonly endMs: number;
}

/**
 * Bearer tokens by what they are for, until they expire (distribution's "Token Authentication Specification"). They are kept
 * in memory only.
 */
export class Tokens {
  readonly #transport: Transport;
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @throws RegistryError where the token server refuses, in its words */
  async get(request: TokenRequest): Promise<Token> {
    const key = keyOf(request);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.endMs - MARGIN_MS > Date.now()) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const fetched = await this.#fetch(request);
    this.#kept.delete(key);
    this.#kept.set(key, fetched);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= TOKENS_MAX) break;
      this.#kept.delete(oldest);
    }
    return fetched;
  }

  /** A token that was refused is not offered again. */
  forget(request: TokenRequest): void {
    this.#kept.delete(keyOf(request));
  }

  async #fetch(request: TokenRequest): Promise<Kept> {
    const realm = realmOf(request);
    const askedMs = Date.now();
    const answer =
      request.credentials?.identityToken === undefined
        ? await this.#withPassword(request, realm)
        : await this.#withRefreshToken(request, realm, request.credentials.identityToken);
    if (answer.status !== 200) {
      throw errorOfAnswer(answer.status, answer.statusText, await answer.body.head(), {
        retryAfter: answer.headers.get("retry-after"),
      });
    }
    return readToken(await answer.body.bytes(TOKEN_ANSWER_BYTES_MAX, "the token server's answer"), askedMs);
  }

  #withPassword(request: TokenRequest, realm: URL): Promise<HttpAnswer> {
    const { service, scopes, credentials, offline, insecure, signal } = request;
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.append("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    if (offline === true) {
      url.searchParams.append("offline_token", "true");
      url.searchParams.append("client_id", CLIENT_ID);
    }
    const { username } = credentials ?? {};
    if (username !== undefined) url.searchParams.append("account", username);
    const authorization =
      credentials !== undefined && username !== undefined ? basicAuthorization(credentials) : undefined;
    return this.#transport.send({ method: "GET", url, authorization, signal, insecure });
  }

  #withRefreshToken(request: TokenRequest, realm: URL, refreshToken: string): Promise<HttpAnswer> {
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken });
    form.set("client_id", CLIENT_ID);
    if (request.service !== undefined) form.set("service", request.service);
    if (request.scopes.length > 0) form.set("scope", request.scopes.join(" "));
    return this.#transport.send({
      method: "POST",
      url: realm,
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      signal: request.signal,
      insecure: request.insecure,
    });
  }
}

/** A password goes to a token server over TLS, unless the registry itself is one that needs none. */
function realmOf({ realm, insecure }: TokenRequest): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isUsable = url?.protocol === "https:" || (url?.protocol === "http:" && insecure);
  if (url === undefined || !isUsable || url.username !== "" || url.password !== "") {
    throw new RegistryError(
      `the registry names a token server that is refused: ${JSON.stringify(realm.slice(0, 200))}`,
      {},
    );
  }
  return url;
}

function keyOf({ realm, service = "", scopes, credentials, offline = false }: TokenRequest): string {
  // Secrets are not kept longer than they are used.
  const who = createHash("sha256")
    .update(JSON.stringify(credentials ?? null))
    .digest("hex");
  return JSON.stringify([realm, service, [...scopes].sort(), who, offline]);
}

function readToken(bytes: Uint8Array, askedMs: number): Kept {
  const bad = (reason: string) => new RegistryError(`the token server's answer is malformed: ${reason}`, {});
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
  } catch {
    throw bad("it is no JSON");
  }
  if (typeof json !== "object" || json === null) throw bad("it is no object");
  const token = json["token"] || json["access_token"];
  // What goes into a header: RFC 6750, 2.1.
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token) || token.length > ERROR_BYTES_MAX) {
    throw bad("authorization server did not include a token in the response");
  }
  const life = typeof json["expires_in"] === "number" ? json["expires_in"] : LIFE_SECONDS_MIN;
  const refreshToken = json["refresh_token"];
  return {
    token,
    refreshToken: typeof refreshToken === "string" && refreshToken !== "" ? refreshToken : undefined,
    endMs: askedMs + Math.max(LIFE_SECONDS_MIN, life) * 1000,
  };
}
