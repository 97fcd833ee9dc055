import { accessSync, constants } from "node:fs";
import { logSettings } from "../containers/index.ts";
import { invalidParameter, messageOf } from "../lib/index.ts";
import { findInit, findRuntime } from "../runtime/index.ts";
import type { DaemonConfig } from "./config.ts";
import { parseAddress } from "./listeners.ts";
import { readAuthority, readKeyPair, type TlsFiles } from "./tls.ts";

/**
 * What `--validate` looks at beyond the form of the configuration: addresses, files and programs that it names. Nothing
 * is begun, changed or started.
 * @throws InvalidParameter that says which key is wrong
 */
export async function checkConfig(config: DaemonConfig): Promise<void> {
  const {
    hosts,
    tls,
    insistsOnPlain,
    runtimes,
    defaultRuntime,
    seccompProfile,
    initPath,
    logDriver,
    logOpts,
  } = config;
  // Sockets that systemd passes are there only where it has started the daemon.
  for (const host of hosts.filter((address) => !address.startsWith("fd://"))) {
    check("hosts", () => parseAddress(host, { tls: tls !== undefined, insists: insistsOnPlain }));
  }
  if (tls !== undefined) await checkTls(tls);
  for (const name of Object.keys(runtimes)) {
    check(`runtimes.${name}`, () => refuseMissing(name, config));
  }
  // runc may be installed later.
  if (defaultRuntime !== undefined && defaultRuntime !== "runc")
    check("default-runtime", () => refuseMissing(defaultRuntime, config));
  if (seccompProfile !== undefined && !["builtin", "unconfined"].includes(seccompProfile)) {
    check("seccomp-profile", () => accessSync(seccompProfile, constants.R_OK));
  }
  if (initPath !== undefined) check("init-path", () => findInit(initPath));
  check("log-driver", () => logSettings({ Type: logDriver, Config: {} }));
  check("log-opts", () => logSettings({ Type: logDriver, Config: { ...logOpts } }));
}

async function checkTls(files: TlsFiles): Promise<void> {
  const paths = { tlscacert: files.ca, tlscert: files.cert, tlskey: files.key };
  for (const [key, path] of Object.entries(paths)) check(key, () => accessSync(path, constants.R_OK));
  const ca = check("tlscacert", () => readAuthority(files));
  await readKeyPair(files, ca).catch((error: unknown) => check("tlscert and tlskey", () => rethrow(error)));
}

function refuseMissing(name: string, { runtimes }: DaemonConfig): void {
  if (findRuntime(name, runtimes) !== undefined) return;
  const path = runtimes[name]?.path;
  throw invalidParameter(
    path ? `${path} is no program on this host` : `specified default runtime '${name}' does not exist`,
  );
}

function rethrow(error: unknown): never {
  throw error;
}

function check<T>(key: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw invalidParameter(`invalid value for ${key}: ${messageOf(error)}`, error);
  }
}
