import { describe, expect, test } from "bun:test";
import { extraHost, hostHosts, hosts } from "./hosts.ts";
import { linkEnvironment, linkHosts, parseLink } from "./links.ts";
import { hostResolvConf, resolvConf, usesSystemdResolved } from "./resolv-conf.ts";

const resolv = (hostText: string, overrides = {}, ipv6 = false) =>
  resolvConf({ hostPath: "/etc/resolv.conf", hostText, overrides, ipv6 })
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# Generated") && !/^# (This|has been)/.test(line));

describe("resolv.conf", () => {
  test("is the host's, without what a container cannot reach", () => {
    expect(
      resolv(
        "# mine\nnameserver 127.0.0.1\nnameserver 10.0.0.1\nnameserver ::1\nnameserver fd00::1\nsearch lan home\noptions ndots:2 rotate\n",
      ),
    ).toEqual([
      "nameserver 10.0.0.1",
      "search lan home",
      "options ndots:2 rotate",
      "# Based on host file: '/etc/resolv.conf' (legacy)",
      "# Overrides: []",
    ]);
  });

  test("IPv6 servers stay where the container has IPv6, but none with a zone of the host", () => {
    const text = "nameserver fd00::1\nnameserver fe80::1%eth0\n";
    expect(resolv(text, {}, true)[0]).toBe("nameserver fd00::1");
    expect(resolv(text, {}, true)[1]).not.toContain("fe80");
  });

  test("falls back where nothing is left", () => {
    expect(resolv("nameserver 127.0.0.53\n").slice(0, 2)).toEqual([
      "nameserver 8.8.8.8",
      "nameserver 8.8.4.4",
    ]);
    expect(resolv("")).toContain("# Used default nameservers.");
  });

  test("the user's words win; a lone dot means no search domain; loopback may be asked for", () => {
    expect(
      resolv("nameserver 10.0.0.1\nsearch lan\n", {
        nameservers: ["127.0.0.1"],
        search: ["."],
        options: ["ndots:5"],
      }),
    ).toEqual([
      "nameserver 127.0.0.1",
      "options ndots:5",
      "# Based on host file: '/etc/resolv.conf' (legacy)",
      "# Overrides: [nameservers search options]",
    ]);
  });

  test("with the host's network it is the host's file, byte for byte", () => {
    const hostText = "nameserver 127.0.0.53\n# comment";
    const input = { hostPath: "/etc/resolv.conf", hostText, overrides: {}, ipv6: false };
    expect(hostResolvConf(input)).toBe(hostText);
    expect(hostResolvConf({ ...input, overrides: { search: ["x"] } })).toContain(
      "nameserver 127.0.0.53\nsearch x\n",
    );
  });

  test("systemd-resolved is told by its stub alone", () => {
    expect(usesSystemdResolved("nameserver 127.0.0.53\noptions edns0\n")).toBe(true);
    expect(usesSystemdResolved("nameserver 127.0.0.53\nnameserver 10.0.0.1\n")).toBe(false);
  });
});

describe("hosts", () => {
  test("is Docker's, line for line", () => {
    const extra = [...extraHost("db:10.0.0.9", []), ...extraHost("me=host-gateway", ["172.17.0.1"])];
    expect(hosts({ hostname: "4f1a9b0c2d3e", addresses: ["172.17.0.2"], extra })).toBe(
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n" +
        "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n" +
        "10.0.0.9\tdb\n172.17.0.1\tme\n172.17.0.2\t4f1a9b0c2d3e\n",
    );
  });

  test("the full name comes first", () => {
    const own = (hostname: string, domainname?: string) =>
      hosts({
        hostname,
        ...(domainname === undefined ? {} : { domainname }),
        addresses: ["10.0.0.2"],
        extra: [],
      })
        .trimEnd()
        .split("\n")
        .at(-1);
    expect(own("web", "example.org")).toBe("10.0.0.2\tweb.example.org web");
    expect(own("web.example.org")).toBe("10.0.0.2\tweb.example.org web");
  });

  test("--add-host takes IPv6, with brackets or without", () => {
    expect(extraHost("six:fd00::1", [])).toEqual([{ address: "fd00::1", names: ["six"] }]);
    expect(extraHost("six=[fd00::1]", [])).toEqual([{ address: "fd00::1", names: ["six"] }]);
  });

  test.each(["nocolon", ":1.2.3.4", "a b:1.2.3.4", "x:1.2.3", "x:"])("--add-host %p is refused", (text) => {
    expect(() => extraHost(text, ["172.17.0.1"])).toThrow("add-host");
  });

  test("the host's own file is kept and ends in a line break", () => {
    expect(hostHosts("1.2.3.4 a", extraHost("b:5.6.7.8", []))).toBe("1.2.3.4 a\n5.6.7.8\tb\n");
    expect(hostHosts("1.2.3.4 a", [])).toBe("1.2.3.4 a");
  });
});

describe("links", () => {
  const target = {
    id: "a".repeat(64),
    name: "redis1",
    hostname: "aaaaaaaaaaaa",
    address: "172.17.0.3",
    exposedPorts: ["6379/tcp", "53/udp"],
    env: ["PATH=/bin", "HOME=/root", "MODE=fast"],
  };

  test("forms", () => {
    expect(parseLink("redis1")).toEqual({ name: "redis1", alias: "redis1" });
    expect(parseLink("redis1:kv")).toEqual({ name: "redis1", alias: "kv" });
    expect(parseLink("/redis1:/web/kv")).toEqual({ name: "redis1", alias: "kv" });
    for (const bad of ["", ":x", "a:", "a:b:c"]) expect(() => parseLink(bad)).toThrow("bad format for links");
  });

  test("hosts and environment", () => {
    const link = parseLink("redis1:key-value");
    expect(linkHosts(link, target)).toEqual({
      address: "172.17.0.3",
      names: ["key-value", "aaaaaaaaaaaa", "redis1"],
    });
    expect(linkEnvironment(link, target, "web")).toEqual([
      "KEY_VALUE_PORT=udp://172.17.0.3:53",
      "KEY_VALUE_PORT_53_UDP=udp://172.17.0.3:53",
      "KEY_VALUE_PORT_53_UDP_ADDR=172.17.0.3",
      "KEY_VALUE_PORT_53_UDP_PORT=53",
      "KEY_VALUE_PORT_53_UDP_PROTO=udp",
      "KEY_VALUE_PORT_6379_TCP=tcp://172.17.0.3:6379",
      "KEY_VALUE_PORT_6379_TCP_ADDR=172.17.0.3",
      "KEY_VALUE_PORT_6379_TCP_PORT=6379",
      "KEY_VALUE_PORT_6379_TCP_PROTO=tcp",
      "KEY_VALUE_NAME=/web/key-value",
      "KEY_VALUE_ENV_MODE=fast",
    ]);
  });
});
