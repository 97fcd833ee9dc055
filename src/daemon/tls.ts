import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { invalidParameter, messageOf } from "../lib/index.ts";
import type { SettingValues } from "./config-file.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * What the settings say of TLS; `undefined` where there is none. As with dockerd, `tls` alone means that clients are
 * verified, and `tlsverify` means TLS.
 *
 * TLS that asks its clients for no certificate keeps out nobody, and whoever is in is root: there is no such mode here.
 * @throws InvalidParameter for `tlsverify: false`, which is that mode of dockerd's, unless `tls: false` stands beside it
 */
export function tlsFilesOf(values: SettingValues): TlsFiles | undefined {
  const [tls, verify] = [values.get("tls"), values.get("tlsverify")];
  if (verify === false && tls !== false) {
    throw invalidParameter(
      "invalid value for tlsverify: without it everybody who reaches the engine would be root on this host",
    );
  }
  if (tls !== true && verify !== true) return undefined;
  // Where dockerd looks, too.
  const directory = process.env["DOCKER_CERT_PATH"] || join(homedir(), ".docker");
  const path = (setting: string, name: string) =>
    (values.get(setting) as string | undefined) || join(directory, name);
  return {
    ca: path("tlscacert", "ca.pem"),
    cert: path("tlscert", "cert.pem"),
    key: path("tlskey", "key.pem"),
  };
}

/** What a server of `node:https` needs to let in only those whose certificate the authority has signed. */
export interface TlsOptions {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly minVersion: "TLSv1.2";
  readonly requestCert: true;
  readonly rejectUnauthorized: true;
}

/** @throws InvalidParameter in dockerd's words where a file is missing or is not what it should be */
export async function loadTls(files: TlsFiles): Promise<TlsOptions> {
  const ca = readAuthority(files);
  return {
    ca,
    ...(await readKeyPair(files, ca)),
    minVersion: "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: true,
  };
}

/** @throws InvalidParameter */
export function readAuthority(files: TlsFiles): string {
  const ca = read(files.ca, (error) => `could not read CA certificate "${files.ca}": ${error}`);
  if (!ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw invalidParameter(`failed to append certificates from PEM file: "${files.ca}"`);
  }
  return ca;
}

/** @throws InvalidParameter, also where the certificate is not that of the key */
export async function readKeyPair(files: TlsFiles, ca: string): Promise<{ cert: string; key: string }> {
  const pair = (error: string) =>
    `could not load X509 key pair (cert: "${files.cert}", key: "${files.key}"): ${error}`;
  const cert = read(files.cert, pair);
  const key = read(files.key, pair);
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw invalidParameter(pair(messageOf(error)), error);
  }
  return { cert, key };
}

function read(path: string, complaint: (error: string) => string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw invalidParameter(complaint(messageOf(error)), error);
  }
}
