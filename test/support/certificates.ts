import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate with its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own. */
export interface Authority extends Disposable {
  /** Its own certificate, as PEM. */
  readonly ca: string;
  /** A folder for the test's files, removed with the authority. */
  readonly directory: string;
  /** Makes a certificate for a server on loopback, or for a client. */
  issue(name: string): KeyPair;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function createAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), "berth-certificates-"));
  const at = (name: string) => join(directory, name);
  openssl(
    directory,
    "req",
    "-x509",
    ...CURVE,
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  return {
    ca: readFileSync(at("ca.crt"), "utf8"),
    directory,
    issue: (name) => {
      mkdirSync(at("issued"), { recursive: true });
      const [key, request, cert] = [`issued/${name}.key`, `issued/${name}.csr`, `issued/${name}.crt`];
      writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
      openssl(directory, "req", ...CURVE, "-subj", `/CN=${name}`, "-keyout", key, "-out", request);
      const signing = [
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
      ];
      openssl(directory, "x509", "-req", "-in", request, ...signing, "-out", cert);
      return { cert: readFileSync(at(cert), "utf8"), key: readFileSync(at(key), "utf8") };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function openssl(cwd: string, ...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr.toString()}`);
}
