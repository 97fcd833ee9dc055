import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommandLine } from "./command-line.ts";
import { instanceOf, loadConfig } from "./config.ts";

function load(file: unknown, ...args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), "berth-config-"));
  const path = join(directory, "daemon.json");
  writeFileSync(path, typeof file === "string" ? file : JSON.stringify(file));
  try {
    return loadConfig(parseCommandLine(["--config-file", path, ...args]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("without flags and file, the defaults", () => {
  expect(load("")).toMatchObject({
    hosts: ["unix:///var/run/berth.sock"],
    dataRoot: "/var/lib/berth",
    execRoot: "/run/berth",
    instance: { name: "berth", bridge: "berth0" },
    cgroupParent: "/berth",
    logLevel: "info",
    networks: {},
  });
});

test("only the daemon at the default place has a file for its process id without being told", () => {
  expect(load("").pidfile).toBe("/var/run/berth.pid");
  expect(load({ pidfile: "/run/mine.pid" }).pidfile).toBe("/run/mine.pid");
  expect(load("", "--data-root", "/srv/berth").pidfile).toBeUndefined();
  expect(load("", "--data-root", "/srv/berth", "--pidfile", "/run/x.pid").pidfile).toBe("/run/x.pid");
});

test("flags and file set the same things", () => {
  const fromFlags = load(
    "",
    "-H",
    "unix:///a",
    "-Htcp://127.0.0.1:1",
    "-D",
    "--icc=false",
    "--label",
    "a=b",
    "--log-opt",
    "max-size=1m",
    "--default-ulimit",
    "nofile=10:20",
    "--default-address-pool",
    "base=10.0.0.0/8,size=24",
    "--add-runtime",
    "other=/bin/other",
    "--default-shm-size",
    "8m",
    "--mtu=1400",
  );
  const fromFile = load({
    hosts: ["unix:///a", "tcp://127.0.0.1:1"],
    debug: true,
    icc: false,
    labels: ["a=b"],
    "log-opts": { "max-size": "1m" },
    "default-ulimits": { nofile: { Name: "nofile", Soft: 10, Hard: 20 } },
    "default-address-pools": [{ base: "10.0.0.0/8", size: 24 }],
    runtimes: { other: { path: "/bin/other" } },
    "default-shm-size": 8 << 20,
    mtu: 1400,
  });
  // Each was read from a folder of its own.
  const { configFile, registries } = fromFlags;
  expect(fromFlags).toEqual({
    ...fromFile,
    configFile,
    registries: { ...fromFile.registries, certificates: registries.certificates },
  });
  expect(fromFlags).toMatchObject({
    logLevel: "debug",
    defaultShmSizeBytes: 8 << 20,
    networks: { mtu: 1400, icc: false, defaultAddressPools: [{ base: "10.0.0.0/8", size: 24 }] },
  });
});

test("what dockerd refuses is refused in its words", () => {
  expect(() => load({ unheard: 1, of: 2 })).toThrow(
    "the following directives don't match any configuration option: unheard, of",
  );
  expect(() => load({ debug: true }, "--debug")).toThrow(
    "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: true)",
  );
  expect(() => load({ debug: "yes" })).toThrow("debug: must be true or false");
  expect(() => load("{")).toThrow("invalid JSON");
  expect(() => load("", "--no-such-flag")).toThrow("--no-such-flag");
  expect(() => load("", "--icc=maybe")).toThrow('invalid argument "maybe" for "--icc" flag');
});

test("what berth can't honour is refused with a reason, and what is so anyway is accepted", () => {
  for (const file of [{ tlsverify: false }, { tls: true, tlsverify: false }])
    expect(() => load(file)).toThrow("everybody who reaches the engine would be root");
  expect(() => load({ "live-restore": false })).toThrow("live-restore");
  // Whoever relies on a plugin that says no must not get an engine that never asks it.
  expect(() => load({ "authorization-plugins": ["gate"] })).toThrow("does not ask authorization plugins");
  expect(() => load("", "--authorization-plugin=gate")).toThrow("does not ask authorization plugins");
  expect(() => load({ "userns-remap": "default" })).toThrow("remap");
  expect(() => load({ "allow-direct-routing": true })).toThrow("gateway mode routed");
  expect(() => load({ "userland-proxy-path": "/usr/bin/docker-proxy" })).toThrow("forwards by itself");
  expect(load({ "live-restore": true, "userland-proxy": false }).dataRoot).toBe("/var/lib/berth");
});

test("TLS has its files where Docker has them, unless it is told others", () => {
  expect(load({ tls: false }).tls).toBeUndefined();
  // Said, it is more than left out: plain TCP for others needs that.
  expect([load({}).insistsOnPlain, load({ tls: false }).insistsOnPlain]).toEqual([false, true]);
  expect(load({ tls: false, tlsverify: false }).tls).toBeUndefined();
  // dockerd copies `tls` to a `tlsverify` that nobody has set.
  expect(load({ tls: true }).tls).toEqual(load({ tlsverify: true }).tls!);
  expect(load("", "--tlsverify", "--tlscacert", "/ca", "--tlscert=/c", "--tlskey", "/k").tls).toEqual({
    ca: "/ca",
    cert: "/c",
    key: "/k",
  });
  expect(load({ tls: true, tlsverify: true, tlskey: "/k" }).tls).toMatchObject({
    ca: expect.stringMatching(/^\/.*\/ca\.pem$/),
    key: "/k",
  });
});

test("networks: every key of dockerd's, in the file and as a flag", () => {
  const file = {
    bip: "10.1.0.1/16",
    bip6: "fd01::1/64",
    "fixed-cidr": "10.1.2.0/24",
    "fixed-cidr-v6": "fd01::/80",
    "default-gateway": "10.1.0.9",
    "default-gateway-v6": "fd01::9",
    ipv6: true,
    "ip-masq": false,
    "ip-forward": false,
    "ip-forward-no-drop": true,
    iptables: false,
    ip6tables: false,
    "userland-proxy": true,
    ip: "127.0.0.1",
    "host-gateway-ips": ["10.0.0.1", "fd00::1"],
    "default-network-opts": { bridge: { a: "1", b: "2=3" } },
    dns: ["10.9.9.9"],
    "dns-opts": ["ndots:2"],
    "dns-search": ["example.test"],
  };
  const flags = [
    ...["--bip=10.1.0.1/16", "--bip6=fd01::1/64", "--fixed-cidr=10.1.2.0/24", "--fixed-cidr-v6=fd01::/80"],
    ...["--default-gateway=10.1.0.9", "--default-gateway-v6=fd01::9", "--ipv6", "--ip-masq=false"],
    ...["--ip-forward=false", "--ip-forward-no-drop", "--iptables=false", "--ip6tables=false"],
    ...["--userland-proxy", "--ip=127.0.0.1", "--host-gateway-ip=10.0.0.1", "--host-gateway-ip=fd00::1"],
    ...["--default-network-opt=bridge=a=1", "--default-network-opt=bridge=b=2=3"],
    ...["--dns=10.9.9.9", "--dns-opt=ndots:2", "--dns-search=example.test"],
  ];
  const { networks } = load(file);
  expect(load("", ...flags).networks).toEqual(networks);
  expect(Object.keys(networks)).toHaveLength(Object.keys(file).length);
  expect(load("", "-b", "none").networks).toEqual({ bridge: "none" });
  expect(load({ "host-gateway-ip": "10.0.0.1" }).networks).toEqual({ hostGatewayIps: ["10.0.0.1"] });
  expect(load({ bip: "", mtu: 0, bridge: "" }).networks).toEqual({});
});

test("networks: what makes no sense is refused before anything is begun", () => {
  expect(() => load({ bip: "10.0.0.1/8", bridge: "br5" })).toThrow(
    "You specified -b & --bip, mutually exclusive options. Please specify only one",
  );
  expect(() => load({ bip: "10.0.0.1" })).toThrow("parse bip failed: invalid CIDR address: 10.0.0.1");
  expect(() => load({ "fixed-cidr": "fd00::/64" })).toThrow("parse fixed-cidr failed");
  expect(() => load({ "default-gateway": "fd00::1" })).toThrow(
    'invalid argument "fd00::1" for "--default-gateway"',
  );
  expect(() => load({ iptables: false, icc: false })).toThrow(
    "You specified --iptables=false with --icc=false",
  );
  expect(() => load({ "host-gateway-ips": ["10.0.0.1", "10.0.0.2"] })).toThrow("only one IPv4 host gateway");
  expect(() => load({ "host-gateway-ip": "10.0.0.1", "host-gateway-ips": [] })).toThrow("exclude each other");
  expect(() => load({ dns: ["nowhere"] })).toThrow("invalid IP address: nowhere");
  expect(() => load({ "default-network-opts": { bridge: "x" } })).toThrow("must be like");
  expect(() => load({ "default-address-pools": [{ base: "10.0.0.0/24", size: 16 }] })).toThrow(
    "invalid default address pool",
  );
});

test("daemons with data roots of their own have names of their own", () => {
  expect(instanceOf("/srv/a").name).toMatch(/^berth-[0-9a-f]{8}$/);
  expect(instanceOf("/srv/a")).not.toEqual(instanceOf("/srv/b"));
  expect(instanceOf("/srv/a").bridge.length).toBeLessThan(16);
});
