import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import { invalidParameter } from "../lib/index.ts";

/** What of TLS is particular to a host. */
export interface HostTls {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: false;
}

/**
 * Reads what `certs.d` has for a host, as Docker does (docs.docker.com/engine/security/certificates): each `*.crt`
 * is an authority that is trusted for this host beside the system's; `x.cert` with `x.key` is a client certificate.
 * A folder that is not there says nothing. Read anew each time, so that a changed certificate is used at once.
 * @throws InvalidParameter in Docker's words where a half of a pair is missing
 */
export function tlsOfHost(directory: string, host: string, verify: boolean): HostTls | undefined {
  // A redirect may lead to a host that is called `..`.
  const found = /^[a-z0-9[]/i.test(host) ? readFolder(join(directory, host)) : undefined;
  const insecure = verify ? {} : ({ rejectUnauthorized: false } as const);
  if (found === undefined) return verify ? systemTls() : insecure;
  const { authorities, pair } = found;
  return {
    // What Bun trusts by itself, and what the system does, which an administrator may have added to.
    ...(authorities.length === 0 ? systemTls() : { ca: [...getCACertificates("default"), ...authorities] }),
    ...pair,
    ...insecure,
  };
}

let system: HostTls | undefined;

/** One object for all, by which Bun knows that connections may be shared. */
function systemTls(): HostTls {
  system ??= { ca: getCACertificates("default") };
  return system;
}

interface Folder {
  readonly authorities: string[];
  readonly pair: { cert: string; key: string } | undefined;
}

function readFolder(path: string): Folder | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  const names = entries.map(({ name }) => name).sort();
  const read = (name: string) => readFileSync(join(path, name), "utf8");
  const ending = (suffix: string) => names.filter((name) => name.endsWith(suffix));
  for (const name of ending(".cert")) {
    const key = name.replace(/\.cert$/, ".key");
    if (!names.includes(key)) {
      throw invalidParameter(
        `missing key ${key} for client certificate ${name}. CA certificates must use the extension .crt`,
      );
    }
  }
  for (const name of ending(".key")) {
    const cert = name.replace(/\.key$/, ".cert");
    if (!names.includes(cert)) throw invalidParameter(`missing client certificate ${cert} for key ${name}`);
  }
  const [client] = ending(".cert");
  return {
    authorities: ending(".crt").map(read),
    pair:
      client === undefined ? undefined : { cert: read(client), key: read(client.replace(/\.cert$/, ".key")) },
  };
}
