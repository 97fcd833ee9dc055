import { invalidParameter } from "../lib/index.ts";
import { certificateDirectory, readTextFile } from "./client-config.ts";
import type { TlsMaterial } from "./endpoint.ts";

/** What the command line and the environment say of TLS. */
export interface TlsRequest {
  /** Check the engine's certificate. */
  readonly verify: boolean;
  /** Paths of PEM files that somebody has named. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Where `ca.pem`, `cert.pem` and `key.pem` are looked for otherwise: `DOCKER_CERT_PATH`, else `~/.docker`. */
  readonly directory: string;
}

/**
 * Reads the files by the rules of Docker's client: the authority's must be there where the engine is verified, the client's
 * own where they were named.
 * @throws InvalidParameter in Docker's words
 */
export async function loadTls(request: TlsRequest): Promise<TlsMaterial> {
  const { verify, directory } = request;
  const [ca, cert, key] = await Promise.all([
    verify ? readCa(request.ca ?? `${directory}/ca.pem`) : undefined,
    readTextFile(request.cert ?? `${directory}/cert.pem`),
    readTextFile(request.key ?? `${directory}/key.pem`),
  ]);
  const named = request.cert !== undefined || request.key !== undefined;
  if ((cert === undefined) !== (key === undefined) || (named && cert === undefined)) {
    const [certPath, keyPath] = [
      request.cert ?? `${directory}/cert.pem`,
      request.key ?? `${directory}/key.pem`,
    ];
    const missing = cert === undefined ? certPath : keyPath;
    throw invalidParameter(
      `could not load X509 key pair (cert: "${certPath}", key: "${keyPath}"): open ${missing}: no such file or directory`,
    );
  }
  return { verify, ...(ca !== undefined && { ca }), ...(cert && key && { cert, key }) };
}

async function readCa(path: string): Promise<string> {
  const text = await readTextFile(path);
  if (text === undefined)
    throw invalidParameter(
      `could not read CA certificate "${path}": open ${path}: no such file or directory`,
    );
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw invalidParameter(`failed to append certificates from PEM file: "${path}"`);
  return text;
}

/** What the environment alone asks for (`DOCKER_TLS_VERIFY`, `DOCKER_TLS`, `DOCKER_CERT_PATH`). */
export function tlsOfEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  configDirectory: string,
): TlsRequest | undefined {
  const verify = isSet(env["DOCKER_TLS_VERIFY"]);
  if (!verify && !isSet(env["DOCKER_TLS"])) return undefined;
  return { verify, directory: certificateDirectory(env, configDirectory) };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
