/**
 * `~/.docker/config.json`: what a person has told the docker client once: credentials, contexts, formats.
 * Only what is read here is described; whatever else is in the file is kept when it is written again.
 */
export interface ClientConfig {
  readonly auths?: Readonly<Record<string, StoredAuth>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly HttpHeaders?: Readonly<Record<string, string>>;
  readonly currentContext?: string;
  readonly detachKeys?: string;
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
  readonly statsFormat?: string;
  readonly pruneFilters?: readonly string[];
  readonly proxies?: Readonly<Record<string, ProxyConfig>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly cliPluginsExtraDirs?: readonly string[];
}

export interface StoredAuth {
  /** base64 of `user:password`. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly email?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

export interface ProxyConfig {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly ftpProxy?: string;
  readonly noProxy?: string;
  readonly allProxy?: string;
}

/** The folder of the client's configuration: `$DOCKER_CONFIG` or `~/.docker`. */
export function configDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const named = env["DOCKER_CONFIG"];
  return named !== undefined && named !== "" ? named : `${env["HOME"] ?? ""}/.docker`;
}

/** Where the client looks for certificates that nobody has named. */
export function certificateDirectory(
  env: Readonly<Record<string, string | undefined>>,
  configDirectory: string,
): string {
  const named = env["DOCKER_CERT_PATH"];
  return named !== undefined && named !== "" ? named : configDirectory;
}

/**
 * Reads `config.json`; a missing file is an empty configuration.
 * @throws where the file is there and is no JSON object.
 */
export async function loadClientConfig(directory: string): Promise<ClientConfig> {
  const path = `${directory}/config.json`;
  const text = await readTextFile(path);
  if (text === undefined || text.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as ClientConfig;
    throw new Error("not an object");
  } catch (error) {
    throw new Error(`Error loading config file: ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** A file's text; undefined where there is none. */
export async function readTextFile(path: string): Promise<string | undefined> {
  if (typeof Bun !== "undefined") {
    const file = Bun.file(path);
    return (await file.exists()) ? await file.text() : undefined;
  }
  const { readFile } = await import("node:fs/promises");
  return readFile(path, "utf8").catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
