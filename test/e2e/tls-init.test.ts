// berth daemon tls init: what it makes lets in who has the client's files, and nobody else.
import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { DOCKER, runCommand, startEngine } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";

bePatient();

const init = (...args: string[]) => runCommand([EXECUTABLE, "daemon", "tls", "init", ...args]);
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** A folder of the test's own, removed at its end. */
function temporary(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "berth-tls-init-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test("what is typed is what it prints, and only certificates of that authority are let in", async () => {
  using folder = temporary();
  const made = join(folder.path, "tls");
  const { code, stdout } = await init("--dir", made, "--host", "localhost,127.0.0.1");
  expect(code).toBe(0);
  const [daemonLine, clientLine] = stdout.split("\n").filter((line) => line.startsWith("  berth "));
  const port = freePort();
  const atPort = (line: string) => line.trim().replace(":2376", `:${port}`).split(" ");
  // The engine of the test has its Unix socket elsewhere.
  const tcp = atPort(daemonLine!).slice(4);
  expect(tcp.slice(0, 3)).toEqual(["-H", `tcp://0.0.0.0:${port}`, "--tlsverify"]);
  await using engine = await startEngine({ withoutImage: true, args: tcp });
  const ask = (program: string, certificates: string) =>
    runCommand([program, ...atPort(clientLine!).slice(1), "--format", "{{.Server.Version}}"], {
      env: { DOCKER_CERT_PATH: certificates, DOCKER_CONFIG: folder.path, DOCKER_HOST: "" },
    });
  const version = (await engine.berth(["version", "--format", "{{.Server.Version}}"])).stdout;
  expect(version).toMatch(/^\d+\.\d+/);
  for (const program of [EXECUTABLE, ...(DOCKER === null ? [] : [DOCKER])]) {
    expect(await ask(program, join(made, "client")), program).toEqual({
      code: 0,
      stdout: version,
      stderr: "",
    });
    // A stranger: another authority's client, and somebody who has no certificate at all.
    const strange = join(folder.path, "strange");
    if (!existsSync(strange)) expect((await init("--dir", strange, "--host", "localhost")).code).toBe(0);
    const stranger = await ask(program, join(strange, "client"));
    expect(stranger.code, program).not.toBe(0);
    expect(stranger.stdout.trim(), program).not.toBe(version.trim());
  }
  const url = `https://localhost:${port}/containers/json`;
  const pem = (name: string) => readFileSync(join(made, name), "utf8");
  const request = (tls: object) => fetch(url, { tls, keepalive: false } as RequestInit);
  const ca = pem("ca.pem");
  expect((await request({ ca, cert: pem("client/cert.pem"), key: pem("client/key.pem") })).status).toBe(200);
  await expect(request({ ca })).rejects.toThrow();
  // The engine's own certificate is good for engines, not for clients.
  await expect(request({ ca, cert: pem("server-cert.pem"), key: pem("server-key.pem") })).rejects.toThrow();
});

test("certificates say what they are for, keys are for their owner, and nothing is overwritten", async () => {
  using folder = temporary();
  const made = join(folder.path, "deep", "tls");
  const again = (...args: string[]) =>
    init("--dir", made, "--host", "lab.example", "--host", "10.0.0.5", ...args);
  expect((await again("--days", "30")).code).toBe(0);
  const certificate = (name: string) => new X509Certificate(readFileSync(join(made, name)));
  const [ca, server, client] = [
    certificate("ca.pem"),
    certificate("server-cert.pem"),
    certificate("client/cert.pem"),
  ];
  expect([ca.ca, server.ca, client.ca]).toEqual([true, false, false]);
  expect([server.checkIssued(ca), client.checkIssued(ca)]).toEqual([true, true]);
  expect(server.subjectAltName).toBe("DNS:lab.example, IP Address:10.0.0.5");
  expect([server.keyUsage, client.keyUsage]).toEqual([["1.3.6.1.5.5.7.3.1"], ["1.3.6.1.5.5.7.3.2"]]);
  const days = (Date.parse(server.validTo) - Date.parse(server.validFrom)) / 86_400_000;
  expect(Math.round(days)).toBe(30);
  for (const key of ["ca-key.pem", "server-key.pem", "client/key.pem"])
    expect(modeOf(join(made, key)), key).toBe("400");
  for (const directory of [".", "client"]) expect(modeOf(join(made, directory))).toBe("700");

  const before = readFileSync(join(made, "ca.pem"), "utf8");
  const refused = await again();
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain("has ca.pem, ca-key.pem, server-cert.pem");
  expect(readFileSync(join(made, "ca.pem"), "utf8")).toBe(before);
  expect((await again("--force")).code).toBe(0);
  expect(readFileSync(join(made, "ca.pem"), "utf8")).not.toBe(before);
});

test("what is no name makes nothing", async () => {
  using folder = temporary();
  const made = join(folder.path, "tls");
  for (const host of ["a b", "DNS:x", "x\nIP:1.2.3.4", "-x", "x..y", "a/b", "x".repeat(300)]) {
    const { code, stderr } = await init("--dir", made, `--host=${host}`);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("is neither a name of a host nor an address"),
    ]);
  }
  expect((await init("--dir", made, "--days", "0")).stderr).toContain(
    'invalid argument "0" for "--days" flag',
  );
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", EXECUTABLE];
  const elsewhere = await runCommand([...nobody, "daemon", "tls", "init", "--dir", made]);
  expect(elsewhere.stderr).toBe(`cannot write to ${made}: use sudo, or another --dir\n`);
  expect((await init("--nonesuch")).stderr).toContain("See 'berth daemon tls init --help'.");
  expect(existsSync(made)).toBe(false);
});
