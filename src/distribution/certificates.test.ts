import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { type Authority, createAuthority } from "../../test/support/certificates.ts";
import { tlsOfHost } from "./certificates.ts";
import { FakeRegistry, IMPATIENCE } from "./testing.ts";
import { Transport } from "./transport.ts";

let authority: Authority;
let server: Server;
let host: string;
let certificates: string;
/** Where the server redirects to, if anywhere. */
let location: string | undefined;

beforeAll(async () => {
  authority = createAuthority();
  const { cert, key } = authority.issue("server");
  server = createServer(
    { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      if (location !== undefined) return void response.writeHead(302, { Location: location }).end();
      response.end((request.socket as TLSSocket).authorized ? "known" : "unknown");
    },
  );
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  certificates = join(authority.directory, "certs.d");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  authority[Symbol.dispose]();
});

async function get(insecure = false): Promise<string> {
  const transport = new Transport({ certificates, proxies: {}, patience: IMPATIENCE });
  const url = new URL(`https://${host}/`);
  const answer = await transport.send({ method: "GET", url, signal: new AbortController().signal, insecure });
  return Buffer.from(await answer.body.bytes(1000, "it")).toString();
}

function withFiles(files: Readonly<Record<string, string>>): Disposable {
  const folder = join(certificates, host);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

describe("certs.d", () => {
  test("an authority that nobody knows is refused in Docker's words, unless the host is insecure", async () => {
    await expect(get()).rejects.toThrow(
      `Get "https://${host}/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
    expect(await get(true)).toBe("unknown");
    // The connection that was let pass is not used for who wants to be sure.
    await expect(get()).rejects.toThrow("unknown authority");
  });

  test("an authority of the host's folder is trusted, from then on and no longer", async () => {
    {
      using _files = withFiles({ "my.crt": authority.ca });
      expect(await get()).toBe("unknown");
    }
    await expect(get()).rejects.toThrow("unknown authority");
  });

  test("a client certificate is shown", async () => {
    const { cert, key } = authority.issue("client");
    using _files = withFiles({ "my.crt": authority.ca, "me.cert": cert, "me.key": key });
    expect(await get()).toBe("known");
  });

  test("half a pair is an error in Docker's words", () => {
    using _files = withFiles({ "me.cert": "x" });
    expect(() => tlsOfHost(certificates, host, true)).toThrow(
      "missing key me.key for client certificate me.cert. CA certificates must use the extension .crt",
    );
    {
      using _key = withFiles({ "you.key": "x", "me.key": "x" });
      expect(() => tlsOfHost(certificates, host, true)).toThrow(
        "missing client certificate you.cert for key you.key",
      );
    }
    mkdirSync(join(certificates, host), { recursive: true });
  });

  test("a host's name never leads out of the folder", () => {
    using _files = withFiles({});
    writeFileSync(join(certificates, "evil.crt"), authority.ca);
    expect(tlsOfHost(certificates, "..", true)?.ca).not.toContain(authority.ca);
    expect(tlsOfHost(join(certificates, "sub"), "..", true)?.ca).not.toContain(authority.ca);
  });
});

describe("redirects", () => {
  test("never lead from https to http, or to other protocols, or carry credentials in the address", async () => {
    await using plain = await FakeRegistry.start();
    using _files = withFiles({ "my.crt": authority.ca });
    try {
      for (const target of [`http://${plain.host}/v2/`, "file:///etc/passwd", `https://me:secret@${host}/`]) {
        location = target;
        await expect(get(), target).rejects.toThrow(/refused/);
      }
      expect(plain.asked).toEqual([]);
      location = `https://${host}/`;
      await expect(get()).rejects.toThrow("stopped after 10 redirects");
    } finally {
      location = undefined;
    }
  });
});

test("a registry without TLS is told apart in Docker's words", async () => {
  await using plain = await FakeRegistry.start();
  const transport = new Transport({ certificates, proxies: {}, patience: IMPATIENCE });
  const url = new URL(`https://${plain.host}/v2/`);
  const { signal } = new AbortController();
  await expect(transport.send({ method: "GET", url, signal, insecure: false })).rejects.toThrow(
    `Get "https://${plain.host}/v2/": http: server gave HTTP response to HTTPS client`,
  );
});

test("a proxy is used for what it is for", async () => {
  await using proxy = await FakeRegistry.start();
  const seen: string[] = [];
  proxy.misbehave = (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    response.end("through the proxy");
    return true;
  };
  const proxies = { http: `http://me:secret@${proxy.host}` };
  const transport = new Transport({ certificates, proxies, patience: IMPATIENCE });
  const url = new URL("http://registry.invalid/v2/");
  const { signal } = new AbortController();
  const answer = await transport.send({ method: "GET", url, signal, insecure: true });
  expect(Buffer.from(await answer.body.bytes(100, "it")).toString()).toBe("through the proxy");
  expect(seen).toEqual([`GET http://registry.invalid/v2/ Basic ${btoa("me:secret")}`]);
});
