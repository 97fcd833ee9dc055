import { invalidParameter } from "../../lib/index.ts";

/** Who somebody is to a registry. */
export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** OAuth2's refresh token, which stands for user and password. */
  readonly identityToken?: string | undefined;
  /** A bearer token that the client got by itself. */
  readonly registryToken?: string | undefined;
}

/** The fields of the API's `AuthConfig` that matter. */
export interface AuthFields {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly auth?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

const HEADER_BYTES_MAX = 64 << 10;

/**
 * Reads `X-Registry-Auth`: JSON in base64url, with padding or without; some clients write plain base64. No header and
 * an empty object both mean nobody.
 * @throws InvalidParameter
 */
export function credentialsOfHeader(header: string | undefined): Credentials | undefined {
  if (header === undefined || header === "") return undefined;
  try {
    if (header.length > HEADER_BYTES_MAX) throw new Error("it is too long");
    const json: unknown = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("it is no object");
    return credentialsOf(json as Record<string, unknown>);
  } catch (error) {
    throw invalidParameter("invalid X-Registry-Auth header: it is no JSON object in base64url", error);
  }
}

/** @returns undefined where the fields name nobody. @throws InvalidParameter where one is no text */
export function credentialsOf(
  fields: Readonly<Record<keyof AuthFields, unknown>> | object,
): Credentials | undefined {
  const of = (name: keyof AuthFields) => {
    const value = (fields as Record<string, unknown>)[name];
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value !== "string") throw invalidParameter(`invalid credentials: ${name} is no string`);
    return value;
  };
  const [user, secret] = splitPair(of("auth"));
  const credentials = {
    username: of("username") ?? user,
    password: of("password") ?? secret,
    identityToken: of("identitytoken"),
    registryToken: of("registrytoken"),
  };
  return Object.values(credentials).every((value) => value === undefined) ? undefined : credentials;
}

/** `auth` has both in one: base64 of `user:password`. */
function splitPair(auth: string | undefined): [string | undefined, string | undefined] {
  if (auth === undefined) return [undefined, undefined];
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return [undefined, undefined];
  return [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, "")];
}

/** RFC 7617. */
export function basicAuthorization({ username = "", password = "" }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
