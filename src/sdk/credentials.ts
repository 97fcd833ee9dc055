import type { AuthConfig } from "../wire/index.ts";
import type { ClientConfig, StoredAuth } from "./client-config.ts";

/** Docker Hub's name in the client's configuration. */
export const DOCKER_HUB = "https://index.docker.io/v1/";

/** The key of a registry in the configuration. */
export function registryKey(domain: string): string {
  return domain === "docker.io" || domain === "index.docker.io" ? DOCKER_HUB : domain;
}

/** JSON in base64url, as the API wants credentials in headers. Podman insists on the padding at its end. */
export function encodeAuth(auth: AuthConfig | Readonly<Record<string, AuthConfig>>): string {
  return base64Url(JSON.stringify(auth));
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
  const text = new TextDecoder().decode(Uint8Array.from(atob(auth.trim()), (each) => each.charCodeAt(0)));
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
  const { code, output } = await runProgram(program, action, input);
  const answer = output.trim();
  if (code === 0) return answer;
  if (/credentials not found/i.test(answer)) return undefined;
  throw new Error(`error getting credentials - err: ${program}: ${answer}`);
}

async function runProgram(
  program: string,
  argument: string,
  input: string,
): Promise<{ code: number | null; output: string }> {
  const { spawn } = await import("node:child_process");
  const child = spawn(program, [argument], { stdio: ["pipe", "pipe", "ignore"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  // It may end without having read everything.
  child.stdin.on("error", () => {}).end(input);
  return new Promise((resolve, reject) => {
    child.on("error", (error: Error & { code?: string }) =>
      reject(
        error.code === "ENOENT"
          ? new Error(`error getting credentials: ${program} is not in $PATH`)
          : new Error(`error getting credentials - err: ${program}: ${error.message}`),
      ),
    );
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** The registry of an image's name: the first part where it looks like a host, else Docker Hub's. */
export function registryOfImage(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost =
    rest.length > 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  return registryKey(isHost ? first : "docker.io");
}

function base64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}
