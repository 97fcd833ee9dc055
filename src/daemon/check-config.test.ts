import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkConfig } from "./check-config.ts";
import { parseCommandLine } from "./command-line.ts";
import { loadConfig } from "./config.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-check-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const text = join(directory, "text");
writeFileSync(text, "no certificate");
const program = join(directory, "program");
writeFileSync(program, "#!/bin/sh\n");
chmodSync(program, 0o755);

let files = 0;
async function complaint(settings: object): Promise<string> {
  const path = join(directory, `daemon-${files++}.json`);
  writeFileSync(path, JSON.stringify(settings));
  try {
    await checkConfig(loadConfig(parseCommandLine(["--config-file", path])));
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("what is there is right", async () => {
  expect(await complaint({})).toBe("");
  expect(
    await complaint({
      hosts: ["fd://", "unix:///tmp/x.sock", "tcp://127.0.0.1:1"],
      runtimes: { mine: { path: program } },
      "default-runtime": "mine",
      "log-driver": "syslog",
      "log-opts": { "syslog-address": "udp://127.0.0.1:514" },
      "seccomp-profile": text,
      "init-path": program,
    }),
  ).toBe("");
});

const gone = "/nowhere/to/be/found";
const tls = { tlsverify: true, tlscacert: text, tlscert: text, tlskey: text };

test.each([
  [{ hosts: ["http://x"] }, "hosts: Invalid bind address format: http://x"],
  [{ hosts: ["tcp://0.0.0.0:1"] }, "hosts: refusing to listen on tcp://0.0.0.0:1"],
  [{ runtimes: { mine: { path: gone } } }, `runtimes.mine: ${gone} is no program on this host`],
  [{ runtimes: { mine: { path: text } } }, `runtimes.mine: ${text} is no program on this host`],
  [{ "default-runtime": "nonesuch" }, "default-runtime: specified default runtime 'nonesuch' does not exist"],
  [{ "log-driver": "nonesuch" }, "log-driver: logger: no log driver named 'nonesuch' is registered"],
  [{ "log-opts": { nonesuch: "1" } }, "log-opts: unknown log opt 'nonesuch' for json-file log driver"],
  [{ "seccomp-profile": gone }, "seccomp-profile: ENOENT"],
  [{ "init-path": gone }, `init-path: the init program ${gone}`],
  [{ ...tls, tlscacert: gone }, "tlscacert: ENOENT"],
  [{ ...tls, tlscert: gone }, "tlscert: ENOENT"],
  [{ ...tls, tlskey: gone }, "tlskey: ENOENT"],
  [tls, "tlscacert: failed to append certificates from PEM file"],
])("%j", async (settings, expected) => {
  expect(await complaint(settings)).toContain(`invalid value for ${expected}`);
});
