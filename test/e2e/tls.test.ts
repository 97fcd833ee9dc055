// The API over TCP, reached by those whose certificate the engine's authority has signed, and by nobody else.
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { IMAGE, runCommand, startEngine } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";
import { writeCertificates } from "../support/tls-files.ts";

bePatient();

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

test("--tlsverify lets in whom the authority has signed for, with all that a client does", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-tls-"));
  const path = writeCertificates(join(directory, "certificates"));
  const port = freePort();
  const address = `127.0.0.1:${port}`;
  const files = [
    "--tlscacert",
    path("ca.pem"),
    "--tlscert",
    path("server-cert.pem"),
    "--tlskey",
    path("server-key.pem"),
  ];
  try {
    // Beyond the loopback, as it is used; plain TCP would be refused there.
    await using _ = await startEngine({
      args: ["-H", `tcp://0.0.0.0:${port}`, "--tlsverify", ...files],
    });
    const as = (who: string) => [
      "--tlsverify",
      ...[
        "--tlscacert",
        path("ca.pem"),
        "--tlscert",
        path(`${who}-cert.pem`),
        "--tlskey",
        path(`${who}-key.pem`),
      ],
      ...["-H", `tcp://${address}`],
    ];
    const run = (args: string[], stdin?: string) =>
      runCommand(["docker", ...args], {
        env: { DOCKER_CONFIG: directory, DOCKER_HOST: "" },
        timeoutMs: 20_000,
        ...(stdin === undefined ? {} : { stdin }),
      });

    // Input, its end, both streams and the exit code, over a connection that was taken over.
    const script = "cat; echo to stderr >&2; exit 3";
    expect(
      await run([...as("client"), "run", "--rm", "-i", IMAGE, "sh", "-c", script], "through TLS\n"),
    ).toEqual({
      code: 3,
      stdout: "through TLS\n",
      stderr: "to stderr\n",
    });
    const large = "x".repeat(3 << 20);
    const id = (await run([...as("client"), "run", "-d", IMAGE, "sleep", "100"])).stdout.trim();
    expect(
      (await run([...as("client"), "exec", "-i", id, "sh", "-c", "cat > /large; wc -c < /large"], large))
        .stdout,
    ).toBe(`${large.length}\n`);
    expect((await run([...as("client"), "cp", `${id}:/large`, "-"])).stdout.length).toBeGreaterThan(
      large.length,
    );

    const stranger = await run([...as("stranger"), "ps"]);
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout).toBe("");
    const pem = (name: string) => readFileSync(path(name), "utf8");
    const client = { ca: pem("ca.pem"), cert: pem("client-cert.pem"), key: pem("client-key.pem") };
    const ask = (url: string, tls: object, headers = {}) =>
      fetch(url, { tls, headers, keepalive: false, signal: AbortSignal.timeout(5000) } as RequestInit);
    await expect(ask(`https://${address}/containers/json`, { ca: client.ca })).rejects.toThrow();
    const plain = await ask(`http://${address}/containers/json`, {});
    expect([plain.status, await plain.text()]).toEqual([
      400,
      "Client sent an HTTP request to an HTTPS server.\n",
    ]);
    // Connections that never get as far as a handshake hold up nobody.
    const silent = Array.from({ length: 100 }, () =>
      createConnection(port, "127.0.0.1").on("error", () => {}),
    );
    expect((await run([...as("client"), "version", "--format", "{{.Server.Version}}"])).code).toBe(0);
    for (const socket of silent) socket.destroy();

    const ping = `https://${address}/_ping`;
    // The name is the certificate's affair; a page of somebody else's may still not speak for its visitor.
    expect((await ask(ping, client, { Host: "engine.example:2376" })).status).toBe(200);
    expect((await ask(ping, client, { Origin: "https://evil.example" })).status).toBe(403);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 120_000);

test("certificates that are none are told, and so is a plain address", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-tls-"));
  const path = writeCertificates(join(directory, "certificates"));
  const refusal = async (ca: string, cert: string, key: string) => {
    const roots = ["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec")];
    const files = ["--tlscacert", ca, "--tlscert", cert, "--tlskey", key];
    const command = [
      EXECUTABLE,
      "daemon",
      "-H",
      `tcp://127.0.0.1:${freePort()}`,
      "--tlsverify",
      ...files,
      ...roots,
    ];
    const { code, stderr } = await runCommand(command, { timeoutMs: 10_000 });
    expect(code).toBe(1);
    return stderr;
  };
  try {
    const nowhere = join(directory, "none.pem");
    const [ca, cert, key] = [path("ca.pem"), path("server-cert.pem"), path("server-key.pem")];
    expect(await refusal(nowhere, cert, key)).toContain(`could not read CA certificate "${nowhere}"`);
    expect(await refusal(ca, cert, path("client-key.pem"))).toContain("could not load X509 key pair");
    expect(await refusal(key, cert, key)).toContain("failed to append certificates from PEM file");
    await using plain = await startEngine({
      withoutImage: true,
      args: ["-H", `tcp://127.0.0.1:${freePort()}`],
    });
    expect(plain.log()).toContain("everybody who can open this address is root on this host: it has no TLS");
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 60_000);
