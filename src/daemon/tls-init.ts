import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { conflict, invalidParameter } from "../lib/index.ts";

/** What an authority's first certificates are made of. */
export interface TlsRequest {
  /** Where they go; made with mode 0700. */
  readonly directory: string;
  /** Names and addresses that clients call the engine by. */
  readonly hosts: readonly string[];
  /** How long the engine's and the client's are good; the authority is good for ten years. */
  readonly days: number;
  /** Replaces what is there. Certificates of the authority that was there are worth nothing then. */
  readonly force: boolean;
}

/** The files below the directory, each with its mode: the client's are named as clients look for them. */
export const TLS_FILES = {
  "ca.pem": 0o444,
  "ca-key.pem": 0o400,
  "server-cert.pem": 0o444,
  "server-key.pem": 0o400,
  "client/ca.pem": 0o444,
  "client/cert.pem": 0o444,
  "client/key.pem": 0o400,
} as const;

/** Root's programs and a clean environment, whatever the caller's are. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
const AUTHORITY_DAYS = 3650;
const DIRECTORY_MODE = 0o700;
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/**
 * Makes an authority, and a certificate of it for the engine and for one client, by the program `openssl`: certificates are
 * nothing to make by hand, and every host that trusts other hosts' certificates has it (Debian's ca-certificates needs it).
 * Keys are made where they stay, in a folder that only their owner enters; nothing is put in place before all is made.
 * @throws InvalidParameter for what is no name; Conflict where files are there already
 */
export async function initTls({ directory, hosts, days, force }: TlsRequest): Promise<void> {
  const names = hosts.map(alternativeName);
  const openssl = Bun.which("openssl", ENVIRONMENT);
  if (openssl === null) throw invalidParameter("openssl is not installed (Debian: apt-get install openssl)");
  if (!force) refuseExisting(directory);
  const work = makeWorkFolder(directory);
  try {
    mkdirSync(join(work, "client"), { mode: DIRECTORY_MODE });
    writeFileSync(join(work, "openssl.cnf"), configuration(names));
    const run = (...args: string[]) => runOpenssl(openssl, work, args);
    await makeAuthority(run);
    await Promise.all([
      makeCertificate(run, { role: "server", cert: "server-cert.pem", key: "server-key.pem", days }),
      makeCertificate(run, { role: "client", cert: "client/cert.pem", key: "client/key.pem", days }),
    ]);
    copyFileSync(join(work, "ca.pem"), join(work, "client/ca.pem"));
    putInPlace(work, directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Beside where the files go, so that they are put in place by a rename. */
function makeWorkFolder(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    return mkdtempSync(join(directory, ".new-"));
  } catch (error) {
    throw invalidParameter(`cannot write to ${directory}: use sudo, or another --dir`, error);
  }
}

function refuseExisting(directory: string): void {
  const there = Object.keys(TLS_FILES).filter((name) => existsSync(join(directory, name)));
  if (there.length === 0) return;
  throw conflict(
    `${directory} has ${there.join(", ")} already; --force replaces them, and no certificate of that authority is let in any more`,
  );
}

/** `DNS:engine.example`, `IP:10.0.0.5`: RFC 5280, section 4.2.1.6. @throws InvalidParameter */
function alternativeName(host: string): string {
  if (isIP(host) !== 0) return `IP:${host}`;
  if (
    host.length <= 253 &&
    /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(host)
  )
    return `DNS:${host}`;
  throw invalidParameter(`${JSON.stringify(host)} is neither a name of a host nor an address`);
}

/** A configuration of our own: what a host's has set as default is nothing to rely on. */
function configuration(names: readonly string[]): string {
  const leaf = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature";
  return `[req]
prompt = no
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
${leaf}
extendedKeyUsage = serverAuth
subjectAltName = ${names.join(", ")}
authorityKeyIdentifier = keyid
[client]
${leaf}
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
`;
}

type Run = (...args: string[]) => Promise<void>;

async function makeAuthority(run: Run): Promise<void> {
  // Two authorities of one host are two: some clients find an issuer by its name.
  const name = `berth authority ${serial().slice(2, 10)}`;
  const what = ["-x509", ...KEY, "-sha256", "-days", String(AUTHORITY_DAYS), "-set_serial", serial()];
  const how = ["-config", "openssl.cnf", "-extensions", "authority", "-subj", `/CN=${name}`];
  await run("req", ...what, ...how, "-keyout", "ca-key.pem", "-out", "ca.pem");
}

interface Certificate {
  readonly role: "server" | "client";
  readonly cert: string;
  readonly key: string;
  readonly days: number;
}

async function makeCertificate(run: Run, { role, cert, key, days }: Certificate): Promise<void> {
  const request = `${role}.csr`;
  const subject = ["-config", "openssl.cnf", "-subj", `/CN=berth ${role}`];
  await run("req", "-new", ...KEY, ...subject, "-keyout", key, "-out", request);
  const signer = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-set_serial", serial()];
  const extensions = ["-extfile", "openssl.cnf", "-extensions", role];
  await run(
    "x509",
    "-req",
    "-sha256",
    "-in",
    request,
    ...signer,
    "-days",
    String(days),
    ...extensions,
    "-out",
    cert,
  );
}

/** 127 random bits, never negative (RFC 5280, section 4.1.2.2). */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

async function runOpenssl(openssl: string, cwd: string, args: readonly string[]): Promise<void> {
  const child = Bun.spawn([openssl, ...args], {
    cwd,
    env: { ...ENVIRONMENT, OPENSSL_CONF: join(cwd, "openssl.cnf") },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [complaint, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`openssl ${args[0]} failed: ${complaint.trim().slice(-1000)}`);
}

function putInPlace(work: string, directory: string): void {
  chmodSync(directory, DIRECTORY_MODE);
  mkdirSync(join(directory, "client"), { recursive: true, mode: DIRECTORY_MODE });
  for (const [name, mode] of Object.entries(TLS_FILES)) {
    chmodSync(join(work, name), mode);
    renameSync(join(work, name), join(directory, name));
  }
}

/** What clients may call this host by when nobody says: its name, and its addresses but those of containers' networks. */
export function ownNames(): string[] {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(berth|docker|br-|veth|virbr|cni|podman)/.test(name))
    .flatMap(([, list = []]) => list.map(({ address }) => address))
    .filter((address) => !address.startsWith("fe80:"));
  return [...new Set([...(isNameOfHost(hostname()) ? [hostname()] : []), "localhost", ...addresses])];
}

function isNameOfHost(name: string): boolean {
  try {
    return alternativeName(name).startsWith("DNS:");
  } catch {
    return false;
  }
}

/** When a certificate ends, as a day: `2028-05-30`. */
export async function endOf(certificate: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return new Date(new X509Certificate(readFileSync(certificate)).validTo).toISOString().slice(0, 10);
}
