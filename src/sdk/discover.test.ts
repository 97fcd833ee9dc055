import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sshArguments } from "./connection-ssh.ts";
import { discoverEndpoint, type EndpointSearch } from "./discover.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";

const search = (more: Partial<EndpointSearch>): EndpointSearch => ({
  env: {},
  configDirectory: "/nonexistent",
  loadConfig: async () => ({}),
  ...more,
});

test("an engine is looked for in Docker's order, with BERTH_HOST before DOCKER_HOST", async () => {
  const env = { BERTH_HOST: "unix:///b", DOCKER_HOST: "unix:///d", DOCKER_CONTEXT: "default" };
  const found = async (more: Partial<EndpointSearch>) => {
    const { by, endpoint } = await discoverEndpoint(search(more));
    return `${by} ${formatEndpoint(endpoint)}`;
  };
  expect(await found({ host: "unix:///h", env })).toBe("-H unix:///h");
  expect(await found({ context: "default", env })).toBe("--context unix:///var/run/berth.sock");
  expect(await found({ env })).toBe("BERTH_HOST unix:///b");
  expect(await found({ env: { ...env, BERTH_HOST: "" } })).toBe("DOCKER_HOST unix:///d");
  expect(await found({ env: { DOCKER_CONTEXT: "default" } })).toBe(
    "DOCKER_CONTEXT unix:///var/run/berth.sock",
  );
  expect(await found({})).toBe("default address unix:///var/run/berth.sock");
});

test("a context's address is read from its file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-context-"));
  try {
    const digest = new Bun.CryptoHasher("sha256").update("far").digest("hex");
    mkdirSync(join(folder, "contexts/meta", digest), { recursive: true });
    const meta = { Name: "far", Endpoints: { docker: { Host: "tcp://far.example:2375" } } };
    writeFileSync(join(folder, "contexts/meta", digest, "meta.json"), JSON.stringify(meta));
    const found = await discoverEndpoint(
      search({ configDirectory: folder, loadConfig: async () => ({ currentContext: "far" }) }),
    );
    expect(found).toEqual({
      endpoint: { kind: "tcp", host: "far.example", port: 2375 },
      by: "currentContext in config.json",
      context: "far",
    });
    await expect(discoverEndpoint(search({ configDirectory: folder, context: "near" }))).rejects.toThrow(
      'context "near": context not found',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an address and a context together are refused", async () => {
  await expect(discoverEndpoint(search({ host: "unix:///x", context: "y" }))).rejects.toThrow(
    "conflicting options: cannot specify both --host and --context",
  );
});

test("addresses are read and printed", () => {
  expect(parseEndpoint("unix:///a/b")).toEqual({ kind: "unix", path: "/a/b" });
  expect(parseEndpoint("tcp://h")).toEqual({ kind: "tcp", host: "h", port: 2375 });
  expect(parseEndpoint("h:1")).toEqual({ kind: "tcp", host: "h", port: 1 });
  expect(parseEndpoint("tcp://[::1]:5")).toEqual({ kind: "tcp", host: "::1", port: 5 });
  expect(parseEndpoint("tcp://:5")).toEqual({ kind: "tcp", host: "localhost", port: 5 });
  expect(formatEndpoint({ kind: "tcp", host: "::1", port: 5 })).toBe("tcp://[::1]:5");
  for (const wrong of ["foo://x", "tcp://a:b", "tcp://a:70000", "tcp://[::1"])
    expect(() => parseEndpoint(wrong)).toThrow();
});

test("TLS has a port of its own, and https:// means TLS", () => {
  const tls = { verify: true, ca: "x" };
  expect(parseEndpoint("tcp://h", { tls })).toEqual({ kind: "tcp", host: "h", port: 2376, tls });
  expect(parseEndpoint("https://h")).toEqual({ kind: "tcp", host: "h", port: 2376, tls: { verify: true } });
  expect(parseEndpoint("https://h:1", { tls })).toEqual({ kind: "tcp", host: "h", port: 1, tls });
  expect(parseEndpoint("unix:///x", { tls })).toEqual({ kind: "unix", path: "/x" });
});

test("addresses of ssh", () => {
  expect(parseEndpoint("ssh://h")).toEqual({ kind: "ssh", host: "h" });
  const whole = "ssh://me@far.example:2222/run/other.sock";
  const parts = { user: "me", host: "far.example", port: 2222, path: "/run/other.sock" };
  expect(parseEndpoint(whole)).toEqual({ kind: "ssh", ...parts });
  expect(formatEndpoint({ kind: "ssh", ...parts })).toBe(whole);
  expect(parseEndpoint("ssh://me%40corp@[fe80::1%eth0]/")).toEqual({
    kind: "ssh",
    user: "me@corp",
    host: "fe80::1%eth0",
  });
});

test.each([
  "ssh://-oProxyCommand=touch%20x",
  "ssh://-oProxyCommand=x@h",
  "ssh://me@-h",
  "ssh://[-h]",
  "ssh://a b",
  "ssh://h;x",
  "ssh://$(x)",
  "ssh://`x`@h",
  "ssh://a%27b@h",
  "ssh://%2doption@h",
  "ssh://h:0",
  "ssh://h:99999",
  "ssh://h:-p",
  "ssh://",
  "ssh:///path",
  "ssh://me:secret@h",
  "ssh://h?x=y",
  "ssh://h#x",
  "ssh://h/%zz",
  "ssh://h/a%00b",
  "ssh://@h",
])("%s is no address of ssh", (address) => {
  expect(() => parseEndpoint(address)).toThrow("ssh host connection is not valid: ");
});

test("only the command of the other machine is left to a shell, and that is quoted", () => {
  expect(sshArguments({ kind: "ssh", host: "h" }).join(" ")).toBe(
    "-o ConnectTimeout=30 -T -- h berth system dial-stdio",
  );
  const path = "/run/it's here; reboot";
  expect(sshArguments({ kind: "ssh", host: "h", user: "me", port: 22, path })).toEqual([
    ...["-o", "ConnectTimeout=30", "-T", "-l", "me", "-p", "22", "--", "h"],
    ...["berth", `--host='unix:///run/it'\\''s here; reboot'`, "system", "dial-stdio"],
  ]);
});

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-tls-files-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const ca = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n";

  test("is made with the files of the folder, and with those that are named", async () => {
    const tls = { verify: true, directory: folder };
    const find = (more: object) => discoverEndpoint(search({ host: "tcp://h", tls, ...more }));
    await expect(find({})).rejects.toThrow(`could not read CA certificate "${folder}/ca.pem": open `);
    writeFileSync(join(folder, "ca.pem"), "no certificate");
    await expect(find({})).rejects.toThrow(`failed to append certificates from PEM file: "${folder}/ca.pem"`);
    writeFileSync(join(folder, "ca.pem"), ca);
    expect((await find({})).endpoint).toMatchObject({ port: 2376, tls: { verify: true, ca } });
    writeFileSync(join(folder, "cert.pem"), "cert");
    await expect(find({})).rejects.toThrow(`could not load X509 key pair (cert: "${folder}/cert.pem"`);
    writeFileSync(join(folder, "key.pem"), "key");
    expect((await find({})).endpoint).toMatchObject({ tls: { verify: true, ca, cert: "cert", key: "key" } });
    const named = { ...tls, cert: `${folder}/none.pem` };
    await expect(find({ tls: named })).rejects.toThrow(`open ${folder}/none.pem: no such file`);
    // Nobody is looked at, so nobody's authority is asked for.
    const unverified = { verify: false, directory: "/nonexistent" };
    expect((await find({ tls: unverified })).endpoint).toMatchObject({ tls: { verify: false } });
  });

  test("with no address means the port for it; a socket has none", async () => {
    const tls = { verify: false, directory: "/nonexistent" };
    expect((await discoverEndpoint(search({ tls }))).endpoint).toEqual({
      ...{ kind: "tcp", host: "localhost", port: 2376 },
      tls: { verify: false },
    });
    const { endpoint } = await discoverEndpoint(search({ tls, host: "unix:///x" }));
    expect(endpoint).toEqual({ kind: "unix", path: "/x" });
  });

  test("of a context is the context's own; keys are not traced", async () => {
    const digest = new Bun.CryptoHasher("sha256").update("far").digest("hex");
    const [meta, pems] = [
      join(folder, "contexts/meta", digest),
      join(folder, "contexts/tls", digest, "docker"),
    ];
    for (const path of [meta, pems]) mkdirSync(path, { recursive: true });
    const write = (docker: object) =>
      writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: "far", Endpoints: { docker } }));
    const lines: string[] = [];
    const find = async () =>
      (
        await discoverEndpoint(search({ configDirectory: folder, context: "far" }), (line) => {
          lines.push(line);
        })
      ).endpoint;
    write({ Host: "tcp://h:1" });
    expect(await find()).toEqual({ kind: "tcp", host: "h", port: 1 });
    write({ Host: "tcp://h:1", SkipTLSVerify: true });
    expect(await find()).toEqual({ kind: "tcp", host: "h", port: 1, tls: { verify: false } });
    for (const name of ["ca", "cert", "key"]) writeFileSync(join(pems, `${name}.pem`), `secret ${name}`);
    write({ Host: "tcp://h:1" });
    const material = { ca: "secret ca", cert: "secret cert", key: "secret key" };
    expect(await find()).toMatchObject({ tls: { verify: true, ...material } });
    expect(lines.join("\n")).toContain("tcp://h:1, TLS");
    expect(lines.join("\n")).not.toContain("secret");
    writeFileSync(join(meta, "meta.json"), "[]");
    await expect(find()).rejects.toThrow('context "far": its metadata is no object');
    writeFileSync(join(meta, "meta.json"), "{}");
    await expect(find()).rejects.toThrow('context "far": cannot find docker endpoint in context');
  });
});
