import { describe, expect, test } from "bun:test";
import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HostConfig } from "../../wire/index.ts";
import { recordFor, TEST_ID } from "../testing.ts";
import { adaptHost } from "./adapt.ts";
import { parsePort, parsePortMap } from "./ports.ts";
import { validateConfig } from "./validate-config.ts";
import { validateHost } from "./validate-host.ts";
import { validateNetworkOptions } from "./validate-network.ts";

const parseSignal = (text: string) => {
  if (text === "SIGTERM") return 15;
  throw invalidParameter(`Invalid signal: ${text}`);
};

describe("a container's configuration", () => {
  test.each<[ContainerConfig, string]>([
    [{ WorkingDir: "srv" }, "the working directory 'srv' is invalid, it needs to be an absolute path"],
    [{ StopSignal: "SIGNOPE" }, "Invalid signal: SIGNOPE"],
    [{ Env: ["=x"] }, "invalid environment variable: =x"],
    [{ Env: [""] }, "invalid environment variable: "],
    [{ Hostname: "h".repeat(65) }, "is too long (maximum 64 bytes)"],
    [{ Healthcheck: { Interval: 1000 } }, "Interval in Healthcheck cannot be less than 1ms"],
    [{ Healthcheck: { Retries: -1 } }, "Retries in Healthcheck cannot be negative"],
    [{ Healthcheck: { OnFailure: "explode" } }, "invalid health-on-failure action"],
    [{ ExposedPorts: { "http/tcp": {} } }, 'invalid port specification: "http/tcp"'],
  ])("%j is refused", (config, message) => {
    expect(() => validateConfig(config, parseSignal)).toThrow(message);
  });

  test("is cleaned", () => {
    expect(validateConfig({ WorkingDir: "/a//b/../c/", ExposedPorts: { "80": {} } }, parseSignal)).toEqual({
      WorkingDir: "/a/c",
      ExposedPorts: { "80/tcp": {} },
    });
  });
});

describe("the host's side", () => {
  test.each<[HostConfig, string]>([
    [
      { AutoRemove: true, RestartPolicy: { Name: "always" } },
      "can't create 'AutoRemove' container with restart policy",
    ],
    [
      { RestartPolicy: { Name: "often" } },
      "unknown policy 'often'; use one of 'no', 'always', 'on-failure', or",
    ],
    [{ RestartPolicy: { Name: "always", MaximumRetryCount: 1 } }, "can only be used with 'on-failure'"],
    [{ RestartPolicy: { Name: "always", MaximumRetryCount: -1 } }, "and cannot be negative"],
    [
      { RestartPolicy: { Name: "on-failure", MaximumRetryCount: -1 } },
      "maximum retry count cannot be negative",
    ],
    [{ IpcMode: "mine" }, "invalid IPC mode: mine"],
    [{ PidMode: "container:" }, "invalid PID mode: container:"],
    [{ UTSMode: "private" }, "invalid UTS mode: private"],
    [{ UsernsMode: "keep-id" }, "invalid USER mode: keep-id"],
    [{ CgroupnsMode: "x" }, "invalid cgroup namespace mode: x"],
    [{ Isolation: "hyperv" }, "invalid isolation (hyperv): linux only supports 'default'"],
    [{ ShmSize: -1 }, "SHM size can not be less than 0"],
    [{ OomScoreAdj: 1001 }, "Invalid value 1001, range for oom score adj is [-1000, 1000]"],
    [{ Annotations: { "": "x" } }, "the empty string is not permitted as an annotation key"],
    [{ StorageOpt: { size: "1G" } }, "--storage-opt is supported only for"],
    [{ CpuShares: -2 }, "invalid CPU shares (-2)"],
    [{ CpuRealtimePeriod: 1, CpuRealtimeRuntime: 2 }, "cpu real-time runtime cannot be higher than"],
  ])("%j is refused", (host, message) => {
    expect(() => validateHost(host)).toThrow(message);
  });

  test("plain wishes pass", () => {
    validateHost({});
    validateHost({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 }, PidMode: "container:x" });
    validateHost({
      AutoRemove: true,
      RestartPolicy: { Name: "no" },
      IpcMode: "container:x",
      Isolation: "default",
    });
  });
});

describe("options that contradict the network mode", () => {
  const shared = "container:db";
  test.each<[ContainerConfig, HostConfig, string]>([
    [{}, { NetworkMode: "container:" }, "invalid container format container:<name|id>"],
    [{ Hostname: "h" }, { NetworkMode: shared }, "conflicting options: hostname and the network mode"],
    [{}, { NetworkMode: shared, Dns: ["1.1.1.1"] }, "conflicting options: dns and the network mode"],
    [
      {},
      { NetworkMode: shared, ExtraHosts: ["a:1.1.1.1"] },
      "custom host-to-IP mapping and the network mode",
    ],
    [
      {},
      { NetworkMode: shared, PublishAllPorts: true },
      "port publishing and the container type network mode",
    ],
    [
      { ExposedPorts: { "80/tcp": {} } },
      { NetworkMode: shared },
      "port exposing and the container type network mode",
    ],
    [{}, { NetworkMode: shared, Links: ["a"] }, "container type network can't be used with links"],
    [{ MacAddress: "02:00:00:00:00:01" }, { NetworkMode: "host" }, "mac-address and the network mode"],
    [{ Hostname: "h" }, { UTSMode: "host" }, "conflicting options: hostname and the UTS mode"],
    [{}, { NetworkMode: "host", Links: ["a"] }, "host type networking can't be used with links"],
    [{}, { ExtraHosts: ["nocolon"] }, 'bad format for add-host: "nocolon"'],
    [{}, { ExtraHosts: ["a:1.2.3"] }, 'invalid IP address in add-host: "1.2.3"'],
  ])("%j %j is refused", (config, host, message) => {
    expect(() => validateNetworkOptions(config, host)).toThrow(message);
  });

  test("host-gateway and IPv6 pass", () => {
    validateNetworkOptions({}, { ExtraHosts: ["a:host-gateway", "b:fd00::1", "c=[fd00::1]"] });
  });
});

describe("ports", () => {
  test("forms", () => {
    expect(parsePort("80")).toBe("80/tcp");
    expect(parsePort("053/UDP")).toBe("53/udp");
    expect(
      parsePortMap({ "80/tcp": [{ HostPort: "8000-8010" }, { HostPort: "" }, {}], "53/udp": null }),
    ).toEqual({
      "80/tcp": [
        { HostIp: "", HostPort: "8000-8010" },
        { HostIp: "", HostPort: "" },
        { HostIp: "", HostPort: "" },
      ],
      "53/udp": null,
    });
  });

  test.each(["", "0/tcp", "65536", "80/icmp", "80/tcp/x", "-1"])("%p is refused", (text) => {
    expect(() => parsePort(text)).toThrow(`invalid port specification: ${JSON.stringify(text)}`);
  });

  test.each(["x", "70000", "10-5", "1-2-3"])("host port %p is refused", (text) => {
    expect(() => parsePortMap({ "80/tcp": [{ HostPort: text }] })).toThrow("invalid port specification");
  });
});

describe("what the daemon fills in", () => {
  const world = {
    defaults: { cgroupParent: "/berth" },
    cgroupVersion: 2 as const,
    defaultRuntime: "runc",
    find: (name: string) => (name === "db" ? recordFor({}) : undefined),
  };

  test("defaults", () => {
    expect(adaptHost({}, world)).toMatchObject({
      NetworkMode: "bridge",
      IpcMode: "private",
      CgroupnsMode: "private",
      ShmSize: 67_108_864,
      Runtime: "runc",
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
      PidsLimit: null,
    });
    expect(adaptHost({ PidsLimit: -1 }, world).PidsLimit).toBeNull();
    expect(adaptHost({}, { ...world, cgroupVersion: 1 }).CgroupnsMode).toBe("host");
  });

  test("names of other containers become ids", () => {
    const adapted = adaptHost(
      { NetworkMode: "container:db", PidMode: "container:db", IpcMode: "container:no" },
      world,
    );
    expect(adapted.NetworkMode).toBe(`container:${TEST_ID}`);
    expect(adapted.PidMode).toBe(`container:${TEST_ID}`);
    expect(adapted.IpcMode).toBe("container:no");
  });

  test("privileged containers have no labels", () => {
    expect(adaptHost({ Privileged: true }, world).SecurityOpt).toEqual(["label=disable"]);
    expect(adaptHost({ Privileged: true, SecurityOpt: ["label=type:x"] }, world).SecurityOpt).toEqual([
      "label=type:x",
    ]);
  });
});
