import { expect, test } from "bun:test";
import type { ContainerConfig, ContainerInspect, HostConfig } from "../../wire/index.ts";
import { compareContainer } from "./compare.ts";

const IMAGE: ContainerConfig = {
  Cmd: ["serve"],
  Env: ["PATH=/bin"],
  Labels: { vendor: "x" },
  WorkingDir: "/srv",
};

/** What an engine tells of a container of that image, made with little. */
function inspect(
  config: ContainerConfig = {},
  host: HostConfig = {},
  mounts: object[] = [],
): ContainerInspect {
  return {
    Config: {
      Hostname: "0123456789ab",
      Image: "web",
      Cmd: ["serve"],
      Env: ["A=1", "PATH=/bin"],
      WorkingDir: "/srv",
      Labels: { vendor: "x", "com.docker.compose.service": "web" },
      ...config,
    },
    HostConfig: {
      ShmSize: 67108864,
      IpcMode: "private",
      Runtime: "runc",
      LogConfig: { Type: "json-file", Config: {} },
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
      Memory: 0,
      CapAdd: null,
      Binds: null,
      ...host,
    },
    Mounts: mounts,
  } as unknown as ContainerInspect;
}

const wanted = {
  config: { Image: "web", Env: ["A=1"] },
  host: { ShmSize: 0, CapAdd: [], RestartPolicy: { Name: "" } },
};

test("what an engine adds by itself is no change", () => {
  expect(compareContainer(inspect(), wanted, IMAGE)).toEqual([]);
});

test("changes are told in the words of the Compose file", () => {
  const old = inspect(
    { Cmd: ["old"], Tty: true, Env: ["A=0", "GONE=1", "PATH=/bin"], Labels: { vendor: "x", mine: "1" } },
    {
      Memory: 64,
      CapAdd: ["CAP_B", "CAP_A"],
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "80" }] },
      Binds: ["data:/d:rw"],
    },
  );
  const host: HostConfig = {
    CapAdd: ["CAP_A", "CAP_B"],
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "80" }] },
    Mounts: [{ Type: "volume", Source: "data", Target: "/d", ReadOnly: true }],
  };
  expect(compareContainer(old, { ...wanted, host }, IMAGE)).toEqual([
    { attribute: "command", kind: "changed", old: '["old"]', new: '["serve"]' },
    { attribute: "tty", kind: "removed", old: "true" },
    { attribute: "environment.A", kind: "changed" },
    { attribute: "environment.GONE", kind: "removed" },
    { attribute: "labels.mine", kind: "removed" },
    { attribute: "mem_limit", kind: "removed", old: "64" },
    { attribute: "ports", kind: "removed", old: "80:80/tcp" },
    { attribute: "ports", kind: "added", new: "127.0.0.1:80:80/tcp" },
    { attribute: "volumes./d", kind: "changed", old: "data", new: "data, read-only" },
  ]);
});

test("where the image is gone, only what was asked for is compared", () => {
  expect(compareContainer(inspect({ Cmd: ["whatever"] }), wanted, undefined)).toEqual([
    // It may be of the image, or have been asked for.
    { attribute: "environment.PATH", kind: "removed" },
    { attribute: "labels.vendor", kind: "removed" },
  ]);
});

test("anonymous volumes that go on and files that are copied are no changes", () => {
  const name = "0".repeat(64);
  const old = inspect({}, { Binds: ["/s:/run/secrets/s:ro"], Mounts: [{ Type: "volume", Target: "/a" }] }, [
    { Type: "volume", Name: name, Destination: "/a" },
  ]);
  const host: HostConfig = { Mounts: [{ Type: "volume", Source: name, Target: "/a" }] };
  const copied = new Set(["/run/secrets/s"]);
  expect(compareContainer(old, { ...wanted, host, copied }, IMAGE)).toEqual([]);
});
