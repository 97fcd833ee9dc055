import { describe, expect, test } from "bun:test";
import { checkInsecure, endpointsToPull, parseMirror, ruleFor } from "./endpoints.ts";
import { domainOfServer, hostNameOf, isInCidr } from "./hosts.ts";
import { proxyFor } from "./proxies.ts";
import { configFor } from "./testing.ts";

test("Docker Hub has many names and one host", async () => {
  for (const address of ["", "https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"]) {
    expect(domainOfServer(address)).toBe("docker.io");
  }
  expect(domainOfServer("https://Registry.example:5000/v2/")).toBe("registry.example:5000");
  const [hub] = await endpointsToPull(configFor(), { domain: "docker.io", path: "library/x" });
  expect(hub).toMatchObject({ host: "registry-1.docker.io", protocols: ["https:"], insecure: false });
});

test("loopback and what is listed may do without TLS, nothing else", async () => {
  const protocols = async (domain: string, insecure: string[] = []) =>
    (await endpointsToPull(configFor({ insecure }), { domain, path: "x" }))[0]!.protocols.length;
  for (const domain of ["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]) {
    expect(await protocols(domain)).toBe(2);
  }
  expect(await protocols("localhost.example:5000")).toBe(1);
  expect(await protocols("registry.example:5000")).toBe(1);
  expect(await protocols("registry.example:5000", ["Registry.example:5000"])).toBe(2);
  expect(await protocols("registry.example:5001", ["registry.example:5000"])).toBe(1);
  expect(await protocols("10.1.2.3:5000", ["10.1.0.0/16"])).toBe(2);
  expect(await protocols("10.2.2.3:5000", ["10.1.0.0/16"])).toBe(1);
});

test("isInCidr() knows both families", () => {
  expect(isInCidr("10.1.2.3", "10.1.0.0/16")).toBe(true);
  expect(isInCidr("10.2.2.3", "10.1.0.0/16")).toBe(false);
  expect(isInCidr("10.2.2.3", "0.0.0.0/0")).toBe(true);
  expect(isInCidr("fd00::1:2", "fd00::/8")).toBe(true);
  expect(isInCidr("fe80::1", "fd00::/8")).toBe(false);
  expect(isInCidr("10.1.2.3", "fd00::/8")).toBe(false);
  expect(isInCidr("nonsense", "10.0.0.0/8")).toBe(false);
  expect(isInCidr("10.0.0.1", "10.0.0.0/99")).toBe(false);
  expect(hostNameOf("[fd00::1]:5000")).toBe("fd00::1");
});

test("the rule with the longest prefix wins, and prefixes end where names do", () => {
  const rule = (prefix: string | undefined, isDefault = false) => ({
    prefix,
    mirrors: [],
    insecure: false,
    blocked: false,
    default: isDefault,
  });
  const config = configFor({
    rules: [rule("a.example"), rule("a.example/team"), rule("*.wild.example"), rule(undefined, true)],
  });
  const of = (domain: string, path: string) => ruleFor(config, { domain, path })?.prefix;
  expect(of("a.example", "x")).toBe("a.example");
  expect(of("a.example", "team/x")).toBe("a.example/team");
  expect(of("a.example", "teams/x")).toBe("a.example");
  expect(of("b.wild.example:5000", "x")).toBe("*.wild.example");
  expect(ruleFor(config, { domain: "other.example", path: "x" })?.default).toBe(true);
});

test("mirrors and insecure registries that can't be are refused in dockerd's words", () => {
  expect(() => parseMirror("ftp://mirror.example")).toThrow('invalid mirror: unsupported scheme "ftp"');
  expect(() => parseMirror("https://me:secret@mirror.example")).toThrow(
    "username/password not allowed in URI",
  );
  expect(() => parseMirror("https://mirror.example/?a=b")).toThrow("query or fragment");
  expect(parseMirror("https://mirror.example/hub/").pathname).toBe("/hub/");
  expect(() => checkInsecure("http://registry.example")).toThrow("should not contain '://'");
  expect(() => checkInsecure("registry.example:99999")).toThrow("is not valid");
  for (const fine of ["registry.example", "registry.example:5000", "10.0.0.0/8", "fd00::/8", "[::1]:5000"]) {
    expect(() => checkInsecure(fine)).not.toThrow();
  }
});

describe("proxies", () => {
  const settings = {
    http: "proxy.example:3128",
    https: "http://me:secret@proxy.example:3129",
    no: "inside.example,.only-below.example, 10.0.0.0/8,registry.other.example:5000,[fd00::1]",
  };
  test.each([
    ["https://registry.example/", "http://me:secret@proxy.example:3129"],
    ["http://registry.example/", "http://proxy.example:3128"],
    ["http://localhost:5000/", undefined],
    ["http://127.0.0.1:5000/", undefined],
    ["https://inside.example/", undefined],
    ["https://deep.inside.example/", undefined],
    ["https://notinside.example/", "http://me:secret@proxy.example:3129"],
    ["https://a.only-below.example/", undefined],
    ["https://only-below.example/", "http://me:secret@proxy.example:3129"],
    ["https://10.2.3.4/", undefined],
    ["https://registry.other.example:5000/", undefined],
    ["https://registry.other.example/", "http://me:secret@proxy.example:3129"],
    ["https://[fd00::1]/", undefined],
  ])("%s", (url, proxy) => {
    expect(proxyFor(new URL(url), settings)).toBe(proxy);
  });

  test("a star means no proxy at all", () => {
    expect(proxyFor(new URL("https://registry.example/"), { ...settings, no: "*" })).toBeUndefined();
  });
});
