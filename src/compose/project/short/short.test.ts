import { describe, expect, test } from "bun:test";
import { parsePorts } from "./ports.ts";
import { parseVolume } from "./volume.ts";

describe("parsePorts", () => {
  const port = (target: number, more: object = {}) => ({ mode: "ingress", target, protocol: "tcp", ...more });
  const rows: [text: string, ports: object[]][] = [
    ["80", [port(80)]],
    ["8080:80", [port(80, { published: "8080" })]],
    ["127.0.0.1:8080:80/udp", [port(80, { host_ip: "127.0.0.1", published: "8080", protocol: "udp" })]],
    ["127.0.0.1::80", [port(80, { host_ip: "127.0.0.1" })]],
    ["[::1]:8080:80", [port(80, { host_ip: "::1", published: "8080" })]],
    ["8080-8081:80-81", [port(80, { published: "8080" }), port(81, { published: "8081" })]],
    ["9-10", [port(10), port(9)]],
    ["8000-8010:80", [port(80, { published: "8000-8010" })]],
  ];
  for (const [text, ports] of rows) test(text, () => expect(parsePorts(text)).toEqual(ports as never));

  test("says what is wrong", () => {
    expect(() => parsePorts("8080:")).toThrow("no port specified: 8080:");
    expect(() => parsePorts("x:80")).toThrow("invalid hostPort: x");
    expect(() => parsePorts("70000")).toThrow("invalid containerPort: 70000");
    expect(() => parsePorts("80/x")).toThrow("invalid proto: x");
    expect(() => parsePorts("1.2.3:80:80")).toThrow("invalid IP address: 1.2.3");
    expect(() => parsePorts("1-3:80-81")).toThrow(
      "invalid ranges specified for container and host Ports: 1-3:80-81",
    );
  });
});

describe("parseVolume", () => {
  const rows: [text: string, volume: object][] = [
    ["/data", { type: "volume", target: "/data", volume: {} }],
    ["db:/data/", { type: "volume", source: "db", target: "/data", volume: {} }],
    ["./a:/b:ro", { type: "bind", source: "./a", target: "/b", read_only: true, bind: {} }],
    [
      "~/a:/b:rshared,z",
      { type: "bind", source: "~/a", target: "/b", bind: { propagation: "rshared", selinux: "z" } },
    ],
    ["db:/b:nocopy", { type: "volume", source: "db", target: "/b", volume: { nocopy: true } }],
    ["C:\\a:/b", { type: "bind", source: "C:\\a", target: "/b", bind: {} }],
    ["/a:/b/../c", { type: "bind", source: "/a", target: "/c", bind: {} }],
  ];
  for (const [text, volume] of rows) test(text, () => expect(parseVolume(text)).toEqual(volume as never));

  test("says what is wrong", () => {
    expect(() => parseVolume("")).toThrow("invalid empty volume spec");
    expect(() => parseVolume("ab::c")).toThrow("invalid spec: ab::c: empty section between colons");
    expect(() => parseVolume("ab:/b:ro:x")).toThrow("invalid spec: ab:/b:ro:x: too many colons");
  });
});
