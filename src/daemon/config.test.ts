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
    bridge: { icc: true },
  });
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
  expect({ ...fromFlags, configFile: "" }).toEqual({ ...fromFile, configFile: "" });
  expect(fromFlags).toMatchObject({
    logLevel: "debug",
    defaultShmSizeBytes: 8 << 20,
    bridge: { mtu: 1400, icc: false },
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
  expect(() => load({ tlsverify: true })).toThrow("TLS");
  expect(() => load({ "live-restore": false })).toThrow("live-restore");
  expect(() => load({ "userns-remap": "default" })).toThrow("remap");
  expect(load({ "live-restore": true, "userland-proxy": false }).dataRoot).toBe("/var/lib/berth");
});

test("daemons with data roots of their own have names of their own", () => {
  expect(instanceOf("/srv/a").name).toMatch(/^berth-[0-9a-f]{8}$/);
  expect(instanceOf("/srv/a")).not.toEqual(instanceOf("/srv/b"));
  expect(instanceOf("/srv/a").bridge.length).toBeLessThan(16);
});
