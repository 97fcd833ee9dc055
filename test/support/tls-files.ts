import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, type KeyPair } from "./certificates.ts";

/**
 * Writes the certificates of a test of TLS to a new directory: an authority's (`ca.pem`), those of an engine on loopback
 * (`server-cert.pem`, `server-key.pem`) and of a client (`client-…`) that it has signed for, and those of a stranger
 * (`stranger-…`), whom another authority has signed for (`stranger-ca.pem`).
 * @returns the path of each by its name
 */
export function writeCertificates(directory: string): (name: string) => string {
  mkdirSync(directory);
  const path = (name: string) => join(directory, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text, { mode: 0o600 });
  const writePair = (name: string, { cert, key }: KeyPair) => {
    write(`${name}-cert.pem`, cert);
    write(`${name}-key.pem`, key);
  };
  using authority = createAuthority();
  using other = createAuthority();
  write("ca.pem", authority.ca);
  for (const name of ["server", "client"]) writePair(name, authority.issue(name));
  write("stranger-ca.pem", other.ca);
  writePair("stranger", other.issue("stranger"));
  return path;
}
