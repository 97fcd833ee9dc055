import { invalidParameter } from "../lib/index.ts";
import { readTextFile } from "./client-config.ts";
import type { TlsMaterial } from "./endpoint.ts";
import { sha256Hex } from "./web-crypto.ts";

/** The name of what is used where no context is chosen: it has no file. */
export const DEFAULT_CONTEXT = "default";

/** `meta.json` of a context, as Docker's client writes it. What else is in it is kept. */
export interface ContextMeta {
  readonly Name: string;
  readonly Metadata?: { readonly Description?: string; readonly [key: string]: unknown };
  readonly Endpoints?: {
    readonly docker?: ContextEndpoint;
    readonly [name: string]: unknown;
  };
}

export interface ContextEndpoint {
  readonly Host?: string;
  readonly SkipTLSVerify?: boolean;
}

/** Where a context is kept below the folder of the client's configuration. */
export interface ContextPlace {
  /** The folder of `meta.json`. */
  readonly meta: string;
  /** The folder with one folder of PEM files for each endpoint. */
  readonly tls: string;
}

/** Contexts are kept in folders named by the digest of their name. */
export async function placeOfContext(configDirectory: string, name: string): Promise<ContextPlace> {
  const hex = await sha256Hex(name);
  return { meta: `${configDirectory}/contexts/meta/${hex}`, tls: `${configDirectory}/contexts/tls/${hex}` };
}

/** @throws InvalidParameter in Docker's words where there is no such context, or its file is none. */
export async function readContext(configDirectory: string, name: string): Promise<ContextMeta> {
  const { meta } = await placeOfContext(configDirectory, name);
  const path = `${meta}/meta.json`;
  const text = await readTextFile(path);
  if (text === undefined)
    throw invalidParameter(`context "${name}": context not found: open ${path}: no such file or directory`);
  return parseContext(name, text);
}

export function parseContext(name: string, text: string): ContextMeta {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidParameter(`context "${name}": ${(error as Error).message}`, error);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw invalidParameter(`context "${name}": its metadata is no object`);
  return parsed as ContextMeta;
}

/**
 * An empty `Host` is the default address.
 * @throws InvalidParameter where the context is about something else than an engine.
 */
export function endpointOfContext(meta: ContextMeta): ContextEndpoint & { readonly Host: string } {
  const endpoint = meta.Endpoints?.docker;
  if (typeof endpoint !== "object" || endpoint === null || typeof (endpoint.Host ?? "") !== "string")
    throw invalidParameter(`context "${meta.Name}": cannot find docker endpoint in context`);
  return { ...endpoint, Host: endpoint.Host ?? "" };
}

/** What a context's connections over TCP are made with; `undefined`: plain HTTP. */
export async function tlsOfContext(
  configDirectory: string,
  name: string,
  { SkipTLSVerify }: ContextEndpoint,
): Promise<TlsMaterial | undefined> {
  const { tls } = await placeOfContext(configDirectory, name);
  const read = (file: string) => readTextFile(`${tls}/docker/${file}`);
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  const verify = SkipTLSVerify !== true;
  if (ca === undefined && cert === undefined && key === undefined)
    return verify ? undefined : { verify: false };
  return {
    verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  };
}
