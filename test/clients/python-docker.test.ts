// The docker library of Python (docker-py 5, Debian's python3-docker). What programs do with it is in python-docker.py.
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programTests } from "../support/client-program.ts";
import { IMAGE } from "../support/engine.ts";
import { freePort } from "../support/free-port.ts";
import { useEngine } from "../support/suite.ts";
import { writeCertificates } from "../support/tls-files.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-python-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const certificates = join(directory, "certificates");
const file = writeCertificates(certificates);
const port = freePort();
const tls = [
  "--tlscacert",
  file("ca.pem"),
  "--tlscert",
  file("server-cert.pem"),
  "--tlskey",
  file("server-key.pem"),
];
const { engine } = useEngine({ args: ["-H", `tcp://127.0.0.1:${port}`, "--tlsverify", ...tls] });
const path = join(import.meta.dir, "python-docker.py");

programTests(
  // Debian's Python has Debian's libraries.
  { path, command: ["/usr/bin/python3", path], declaration: /^@test\("([^"]+)"\)/gm },
  engine,
  // Authorities that a user has set for everything else would be taken in place of the given one.
  () => ({
    IMAGE,
    TLS_HOST: `https://127.0.0.1:${port}`,
    CERTIFICATES: certificates,
    REQUESTS_CA_BUNDLE: "",
    CURL_CA_BUNDLE: "",
  }),
);
