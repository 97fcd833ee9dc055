import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  expect(await found({})).toBe("default socket unix:///var/run/berth.sock");
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
  for (const later of ["ssh://a", "https://a"])
    expect(() => parseEndpoint(later)).toThrow("not supported yet");
});
