import { expect, test } from "bun:test";
import { parseConfig, type SettingValues } from "./config-file.ts";
import { registriesConfigOf, registryInfoOf, withoutPassword } from "./registries-config.ts";

const read = (json: unknown, environment: Record<string, string> = {}) =>
  registriesConfigOf(parseConfig("daemon.json", JSON.stringify(json)), "/etc/berth/daemon.json", environment);

test("nothing said means dockerd's defaults", () => {
  expect(read({})).toEqual({
    insecure: [],
    mirrors: [],
    rules: [],
    certificates: "/etc/berth/certs.d",
    proxies: { http: undefined, https: undefined, no: undefined },
    maxDownloads: 3,
    maxUploads: 5,
    maxAttempts: 5,
  });
});

test("rules of registries are read, and refused where they make no sense", () => {
  const config = read({
    registries: [
      { prefix: "registry.example/team", mirrors: ["https://mirror.example/team"], insecure: true },
      { default: true, mirrors: ["mirror.example"] },
    ],
  });
  expect(config.rules).toEqual([
    {
      prefix: "registry.example/team",
      mirrors: ["https://mirror.example/team"],
      insecure: true,
      blocked: false,
      default: false,
    },
    { prefix: undefined, mirrors: ["mirror.example"], insecure: false, blocked: false, default: true },
  ]);
  for (const registries of [
    {},
    ["registry.example"],
    [{ prefix: "https://registry.example" }],
    [{ prefix: "registry.example", mirror: "x" }],
    [{ prefix: "registry.example", mirrors: "x" }],
    [{ prefix: "registry.example", mirrors: ["ftp://x"] }],
    [{ mirrors: ["https://x.example"] }],
    [{ prefix: "registry.example", default: true }],
    [{ default: true, insecure: true }],
  ]) {
    expect(() => read({ registries }), JSON.stringify(registries)).toThrow();
  }
});

test("mirrors, insecure registries and numbers are checked at the start", () => {
  expect(() => read({ "registry-mirrors": ["https://me:secret@mirror.example"] })).toThrow("invalid mirror");
  expect(() => read({ "insecure-registries": ["http://registry.example"] })).toThrow(
    "should not contain '://'",
  );
  expect(() => read({ "max-concurrent-downloads": -1 })).toThrow("invalid max concurrent downloads: -1");
  expect(read({ "max-concurrent-downloads": 0, "max-concurrent-uploads": 2 })).toMatchObject({
    maxDownloads: 3,
    maxUploads: 2,
  });
});

test("proxies come from the configuration, else from the environment, and are shown without passwords", () => {
  const environment = { HTTPS_PROXY: "http://env.example:3128", no_proxy: "inside.example" };
  expect(read({ proxies: { "http-proxy": "http://file.example:3128" } }, environment).proxies).toEqual({
    http: "http://file.example:3128",
    https: "http://env.example:3128",
    no: "inside.example",
  });
  const flags: SettingValues = new Map([["https-proxy", "http://flag.example:3128"]]);
  expect(registriesConfigOf(flags, "/x/daemon.json", environment).proxies.https).toBe(
    "http://flag.example:3128",
  );
  expect(withoutPassword("http://me:secret@proxy.example:3128")).toBe(
    "http://xxxxx:xxxxx@proxy.example:3128",
  );
  expect(withoutPassword(undefined)).toBe("");
});

test("clients are told which registries are insecure", () => {
  const config = read({
    "insecure-registries": ["registry.example:5000", "10.0.0.0/8"],
    "registry-mirrors": ["https://mirror.example"],
  });
  expect(registryInfoOf(config)).toEqual({
    InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8", "10.0.0.0/8"],
    IndexConfigs: {
      "docker.io": { Name: "docker.io", Mirrors: ["https://mirror.example"], Secure: true, Official: true },
      "registry.example:5000": { Name: "registry.example:5000", Mirrors: [], Secure: false, Official: false },
    },
    Mirrors: ["https://mirror.example"],
  });
});
