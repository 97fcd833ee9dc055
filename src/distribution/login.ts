import { parseChallenges } from "./auth/challenge.ts";
import { basicAuthorization, type Credentials } from "./auth/credentials.ts";
import type { Tokens } from "./auth/tokens.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { RegistryError, withoutSecrets } from "./errors.ts";

export interface LoginResult {
  readonly status: string;
  /** What stands for the password from then on; empty where the registry gives none. */
  readonly identityToken: string;
}

const SUCCESS: LoginResult = { status: "Login Succeeded", identityToken: "" };

/**
 * Asks a registry whether it knows somebody: `GET /v2/` as they (OCI distribution-spec, "Endpoints").
 * @throws RegistryError in Docker's words
 */
export async function logIn(
  client: EndpointClient,
  tokens: Tokens,
  credentials: Credentials | undefined,
): Promise<LoginResult> {
  const signal = AbortSignal.timeout(LOGIN_MS);
  const url = await client.address("/v2/", signal);
  let wantsToken = false;
  try {
    const request = { method: "GET", target: url, scopes: [], signal } as const;
    const first = await client.bare({ ...request, accept: [200, 401] });
    await first.body.cancel();
    if (first.status === 200) return SUCCESS;
    const challenges = parseChallenges(first.headers.get("www-authenticate"));
    const bearer = challenges.find(({ scheme }) => scheme === "bearer")?.parameters;
    if (bearer?.["realm"] !== undefined) {
      wantsToken = true;
      const { refreshToken } = await tokens.get({
        realm: bearer["realm"],
        service: bearer["service"],
        scopes: bearer["scope"]?.split(" ") ?? [],
        credentials,
        offline: true,
        insecure: client.endpoint.insecure,
        signal,
      });
      return { ...SUCCESS, identityToken: refreshToken ?? "" };
    }
    const authorization = credentials === undefined ? undefined : basicAuthorization(credentials);
    const second = await client.bare({ ...request, accept: [200] }, authorization);
    await second.body.cancel();
    return SUCCESS;
  } catch (error) {
    const wasRefused = error instanceof RegistryError && error.status === 401;
    if (wasRefused && !wantsToken) {
      const message = `login attempt to ${withoutSecrets(url)} failed with status: 401 Unauthorized`;
      throw new RegistryError(message, error, { cause: error });
    }
    if (!(error instanceof RegistryError) || error.status === 0) throw error;
    throw new RegistryError(`Get "${withoutSecrets(url)}": ${error.message}`, error, {
      kind: error.kind,
      cause: error,
    });
  }
}

/** Somebody waits at a prompt. */
const LOGIN_MS = 60_000;
