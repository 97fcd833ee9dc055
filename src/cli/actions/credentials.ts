import type { ClientConfig, StoredAuth } from "../../sdk/index.ts";
import type { AuthConfig } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { parseReference } from "../text/reference.ts";

/** Docker Hub's name in the client's configuration. */
export const DOCKER_HUB = "https://index.docker.io/v1/";

/** The key of a registry in the configuration. */
export function registryKey(domain: string): string {
  return domain === "docker.io" || domain === "index.docker.io" ? DOCKER_HUB : domain;
}

/** The value of `X-Registry-Auth` for an image; undefined where nobody has logged in to its registry. */
export async function authForImage(cli: Cli, image: string): Promise<string | undefined> {
  const auth = await findCredentials(await cli.config(), registryKey(parseReference(image).domain));
  return auth === undefined ? undefined : encodeAuth(auth);
}

/** JSON in base64url, as the API wants credentials in headers. */
export function encodeAuth(auth: AuthConfig): string {
  return Buffer.from(JSON.stringify(auth)).toString("base64url");
}

/** What is stored for a registry, in the file or by a helper program. */
export async function findCredentials(
  config: ClientConfig,
  registry: string,
): Promise<AuthConfig | undefined> {
  const helper = helperFor(config, registry);
  if (helper !== undefined) return askHelper(helper, registry);
  const auths = config.auths ?? {};
  const wanted = hostOf(registry);
  const stored = auths[registry] ?? Object.entries(auths).find(([key]) => hostOf(key) === wanted)?.[1];
  return stored === undefined ? undefined : plainAuth(registry, stored);
}

/** Everything that is stored, by registry. */
export async function allCredentials(config: ClientConfig): Promise<Record<string, AuthConfig>> {
  const registries = new Set([
    ...Object.keys(config.auths ?? {}),
    ...Object.keys(config.credHelpers ?? {}),
    ...(config.credsStore ? [DOCKER_HUB] : []),
  ]);
  const found: Record<string, AuthConfig> = {};
  for (const registry of registries) {
    const auth = await findCredentials(config, registry);
    if (auth !== undefined) found[registry] = auth;
  }
  return found;
}

/** The program that keeps a registry's credentials, where the configuration names one. */
export function helperFor(config: ClientConfig, registry: string): string | undefined {
  const helper = config.credHelpers?.[hostOf(registry)] ?? config.credsStore;
  return helper === "" ? undefined : helper;
}

/** Old files have whole addresses as keys. */
function hostOf(registry: string): string {
  return registry.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

function plainAuth(registry: string, stored: StoredAuth): AuthConfig {
  const { auth, ...rest } = stored;
  if (auth === undefined || auth === "") return { ...rest, serveraddress: registry };
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return {
    ...rest,
    username: text.slice(0, colon),
    password: text.slice(colon + 1).replace(/\0+$/, ""),
    serveraddress: registry,
  };
}

/** The protocol of docker-credential-helpers: the registry on stdin, JSON on stdout. */
async function askHelper(helper: string, registry: string): Promise<AuthConfig | undefined> {
  const answer = await runHelper(helper, "get", registry);
  if (answer === undefined) return undefined;
  const { Username, Secret } = JSON.parse(answer) as { Username: string; Secret: string };
  if (Username === "<token>") return { identitytoken: Secret, serveraddress: registry };
  return { username: Username, password: Secret, serveraddress: registry };
}

/** @returns undefined where the helper has nothing. @throws where it fails. */
export async function runHelper(
  helper: string,
  action: "get" | "store" | "erase",
  input: string,
): Promise<string | undefined> {
  const program = `docker-credential-${helper}`;
  if (Bun.which(program) === null) throw new Error(`error getting credentials: ${program} is not in $PATH`);
  const child = Bun.spawn([program, action], { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
  const answer = (await new Response(child.stdout).text()).trim();
  if ((await child.exited) === 0) return answer;
  if (/credentials not found/i.test(answer)) return undefined;
  throw new Error(`error getting credentials - err: ${program}: ${answer}`);
}
