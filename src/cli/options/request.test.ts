import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArguments } from "../parse.ts";
import { CONTAINER_FLAGS } from "./flags.ts";
import { type ContainerFlags, containerRequest, type RequestInput } from "./request.ts";

/** The request that `berth create` would send for these words. */
function requestFor(words: readonly string[], more: Partial<RequestInput> = {}): Record<string, unknown> {
  const parsed = parseArguments(words, CONTAINER_FLAGS, { stopAtFirstArgument: true });
  const [image = "", ...command] = parsed.args;
  return containerRequest({
    flags: parsed.values as unknown as ContainerFlags,
    changed: (flag) => parsed.changed.has(flag),
    image,
    command,
    config: {},
    macInConfig: false,
    address: "unix:///run/test.sock",
    ...more,
  });
}

/** What a request says beyond that of `create bb`. */
function beyondDefault(request: Record<string, unknown>): Record<string, unknown> {
  const { Image, AttachStdout = null, AttachStderr = null, NetworkingConfig, HostConfig, ...rest } = request;
  const { NetworkMode, RestartPolicy, ...host } = HostConfig as Record<string, unknown>;
  const endpoints = Object.entries((NetworkingConfig as { EndpointsConfig: object }).EndpointsConfig);
  const named = endpoints.filter(([, endpoint]) => Object.keys(endpoint).length > 0);
  if (NetworkMode !== "default") host["NetworkMode"] = NetworkMode;
  if ((RestartPolicy as { Name?: string }).Name !== "no") host["RestartPolicy"] = RestartPolicy;
  return {
    ...rest,
    ...(Image !== "bb" && { Image }),
    ...(AttachStdout !== true && { AttachStdout }),
    ...(AttachStderr !== true && { AttachStderr }),
    ...(Object.keys(host).length > 0 && { HostConfig: host }),
    ...(named.length > 0 && { NetworkingConfig: { EndpointsConfig: Object.fromEntries(named) } }),
  };
}

/** Command lines, and what the client of Docker 28 sends for them beyond the defaults. */
const REQUESTS: readonly (readonly [readonly string[], Record<string, unknown>])[] = [
  [["bb"], {}],
  [["bb", "cmd", "-a", "--b"], { Cmd: ["cmd", "-a", "--b"] }],
  [["-it", "bb"], { AttachStdin: true, Tty: true, OpenStdin: true, StdinOnce: true }],
  [
    ["-i", "-a", "stdin", "-a", "stdout", "bb"],
    { AttachStdin: true, OpenStdin: true, StdinOnce: true, AttachStderr: null },
  ],
  [["-e", "A=1", "-e", "BAR", "-e", "NOPE", "bb"], { Env: ["A=1", "BAR=barvalue", "NOPE"] }],
  [["-l", "a=b", "-l", "c", "--label", "d=e=f", "bb"], { Labels: { a: "b", c: "", d: "e=f" } }],
  [["-v", "a:b:c:d", "bb"], { HostConfig: { Binds: ["a:b:c:d"] } }],
  [["-v", ":", "bb"], { Volumes: { ":": {} } }],
  [["-v", "x:/a:ro,rshared,z", "bb"], { HostConfig: { Binds: ["x:/a:ro,rshared,z"] } }],
  [
    ["--mount", "type=bind,source=/a,target=/b,readonly", "bb"],
    { HostConfig: { Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ReadOnly: true }] } },
  ],
  [
    [
      "--mount",
      "type=volume,src=v,dst=/b,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=o=p,volume-subpath=q",
      "bb",
    ],
    {
      HostConfig: {
        Mounts: [
          {
            Type: "volume",
            Source: "v",
            Target: "/b",
            VolumeOptions: {
              NoCopy: true,
              Labels: { a: "b" },
              Subpath: "q",
              DriverConfig: { Name: "d", Options: { o: "p" } },
            },
          },
        ],
      },
    },
  ],
  [
    ["--mount", "type=tmpfs,dst=/b,tmpfs-size=10m,tmpfs-mode=1777", "bb"],
    {
      HostConfig: {
        Mounts: [{ Type: "tmpfs", Target: "/b", TmpfsOptions: { SizeBytes: 10485760, Mode: 1023 } }],
      },
    },
  ],
  [
    ["--mount", "type=image,source=i,dst=/b,image-subpath=s", "bb"],
    {
      HostConfig: { Mounts: [{ Type: "image", Source: "i", Target: "/b", ImageOptions: { Subpath: "s" } }] },
    },
  ],
  [["--mount", "dst=/b", "bb"], { HostConfig: { Mounts: [{ Type: "volume", Target: "/b" }] } }],
  [
    ["--mount", "type=bind,src=/a,dst=/b,bind-recursive=readonly,readonly,bind-propagation=rprivate", "bb"],
    {
      HostConfig: {
        Mounts: [
          {
            Type: "bind",
            Source: "/a",
            Target: "/b",
            ReadOnly: true,
            BindOptions: { Propagation: "rprivate", ReadOnlyForceRecursive: true },
          },
        ],
      },
    },
  ],
  [
    ["--mount", "type=bind,src=/a,dst=/b,bind-recursive=writable,readonly", "bb"],
    {
      HostConfig: {
        Mounts: [
          {
            Type: "bind",
            Source: "/a",
            Target: "/b",
            ReadOnly: true,
            BindOptions: { ReadOnlyNonRecursive: true },
          },
        ],
      },
    },
  ],
  [
    ["--mount", 'type=bind,"src=/a,b",dst=/b', "bb"],
    { HostConfig: { Mounts: [{ Type: "bind", Source: "/a,b", Target: "/b" }] } },
  ],
  [
    ["--tmpfs", "/a", "--tmpfs", "/b:size=1m,ro", "bb"],
    { HostConfig: { Tmpfs: { "/a": "", "/b": "size=1m,ro" } } },
  ],
  [
    ["-p", "80", "bb"],
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "" }] } },
    },
  ],
  [
    ["-p", "8080:80", "-p", "8080:80/udp", "bb"],
    {
      ExposedPorts: { "80/tcp": {}, "80/udp": {} },
      HostConfig: {
        PortBindings: {
          "80/tcp": [{ HostIp: "", HostPort: "8080" }],
          "80/udp": [{ HostIp: "", HostPort: "8080" }],
        },
      },
    },
  ],
  [
    ["-p", "127.0.0.1:8080:80", "-p", "127.0.0.1::81", "bb"],
    {
      ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
      HostConfig: {
        PortBindings: {
          "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }],
          "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }],
        },
      },
    },
  ],
  [
    ["-p", "[::1]:8080:80", "bb"],
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "::1", HostPort: "8080" }] } },
    },
  ],
  [
    ["-p", "::1:8080:80", "bb"],
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "::1", HostPort: "8080" }] } },
    },
  ],
  [
    ["-p", "8000-8002:80-82", "bb"],
    {
      ExposedPorts: { "80/tcp": {}, "81/tcp": {}, "82/tcp": {} },
      HostConfig: {
        PortBindings: {
          "80/tcp": [{ HostIp: "", HostPort: "8000" }],
          "81/tcp": [{ HostIp: "", HostPort: "8001" }],
          "82/tcp": [{ HostIp: "", HostPort: "8002" }],
        },
      },
    },
  ],
  [
    ["-p", "8000-8002:80", "bb"],
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8000-8002" }] } },
    },
  ],
  [
    ["-p", "80-82", "bb"],
    {
      ExposedPorts: { "80/tcp": {}, "81/tcp": {}, "82/tcp": {} },
      HostConfig: {
        PortBindings: {
          "80/tcp": [{ HostIp: "", HostPort: "" }],
          "81/tcp": [{ HostIp: "", HostPort: "" }],
          "82/tcp": [{ HostIp: "", HostPort: "" }],
        },
      },
    },
  ],
  [
    ["-p", "published=8080,target=80,protocol=udp", "bb"],
    {
      ExposedPorts: { "80/udp": {} },
      HostConfig: { PortBindings: { "80/udp": [{ HostIp: "", HostPort: "8080" }] } },
    },
  ],
  [
    ["-p", "80/sctp", "-P", "bb"],
    {
      ExposedPorts: { "80/sctp": {} },
      HostConfig: { PortBindings: { "80/sctp": [{ HostIp: "", HostPort: "" }] }, PublishAllPorts: true },
    },
  ],
  [
    ["-p", "0.0.0.0:80:80/TCP", "bb"],
    {
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "80" }] } },
    },
  ],
  [
    ["--expose", "80", "--expose", "90-92/udp", "bb"],
    { ExposedPorts: { "80/tcp": {}, "90/udp": {}, "91/udp": {}, "92/udp": {} } },
  ],
  [
    ["--ulimit", "nofile=10:20", "--ulimit", "nproc=5", "--ulimit", "nofile=30", "bb"],
    {
      HostConfig: {
        Ulimits: [
          { Name: "nofile", Hard: 30, Soft: 30 },
          { Name: "nproc", Hard: 5, Soft: 5 },
        ],
      },
    },
  ],
  [
    [
      "--device",
      "/dev/null",
      "--device",
      "/dev/zero:/dev/x",
      "--device",
      "/dev/zero:/dev/y:r",
      "--device",
      "/dev/null:rw",
      "bb",
    ],
    {
      HostConfig: {
        Devices: [
          { PathOnHost: "/dev/null", PathInContainer: "/dev/null", CgroupPermissions: "rwm" },
          { PathOnHost: "/dev/zero", PathInContainer: "/dev/x", CgroupPermissions: "rwm" },
          { PathOnHost: "/dev/zero", PathInContainer: "/dev/y", CgroupPermissions: "r" },
          { PathOnHost: "/dev/null", PathInContainer: "/dev/null", CgroupPermissions: "rw" },
        ],
      },
    },
  ],
  [
    ["--device", "vendor.com/class=dev0", "--device", "/dev/null", "bb"],
    {
      HostConfig: {
        Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/null", CgroupPermissions: "rwm" }],
        DeviceRequests: [{ Driver: "cdi", DeviceIDs: ["vendor.com/class=dev0"] }],
      },
    },
  ],
  [
    ["--device-cgroup-rule", "c 1:3 rwm", "--device-cgroup-rule", "a *:* r", "bb"],
    { HostConfig: { DeviceCgroupRules: ["c 1:3 rwm", "a *:* r"] } },
  ],
  [
    [
      "--device-read-bps",
      "/dev/sda:1mb",
      "--device-write-bps",
      "/dev/sda:2",
      "--device-read-iops",
      "/dev/sda:10",
      "--device-write-iops",
      "/dev/sda:20",
      "bb",
    ],
    {
      HostConfig: {
        BlkioDeviceReadBps: [{ Path: "/dev/sda", Rate: 1048576 }],
        BlkioDeviceWriteBps: [{ Path: "/dev/sda", Rate: 2 }],
        BlkioDeviceReadIOps: [{ Path: "/dev/sda", Rate: 10 }],
        BlkioDeviceWriteIOps: [{ Path: "/dev/sda", Rate: 20 }],
      },
    },
  ],
  [
    ["--blkio-weight", "100", "--blkio-weight-device", "/dev/sda:200", "bb"],
    { HostConfig: { BlkioWeight: 100, BlkioWeightDevice: [{ Path: "/dev/sda", Weight: 200 }] } },
  ],
  [
    ["--gpus", "all", "bb"],
    { HostConfig: { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]], Options: {} }] } },
  ],
  [
    ["--gpus", "2", "bb"],
    { HostConfig: { DeviceRequests: [{ Count: 2, Capabilities: [["gpu"]], Options: {} }] } },
  ],
  [
    ["--gpus", '"device=0,1",capabilities=utility', "bb"],
    {
      HostConfig: {
        DeviceRequests: [{ DeviceIDs: ["0", "1"], Capabilities: [["utility", "gpu"]], Options: {} }],
      },
    },
  ],
  [
    ["--gpus", 'driver=nvidia,count=3,"options=a=b,c=d"', "bb"],
    {
      HostConfig: {
        DeviceRequests: [
          { Driver: "nvidia", Count: 3, Capabilities: [["gpu"]], Options: { a: "b", c: "d" } },
        ],
      },
    },
  ],
  [
    [
      "--health-cmd",
      "x y",
      "--health-interval",
      "5s",
      "--health-retries",
      "3",
      "--health-timeout",
      "1m",
      "--health-start-period",
      "500ms",
      "--health-start-interval",
      "1s",
      "bb",
    ],
    {
      Healthcheck: {
        Test: ["CMD-SHELL", "x y"],
        Interval: 5000000000,
        Timeout: 60000000000,
        StartPeriod: 500000000,
        StartInterval: 1000000000,
        Retries: 3,
      },
    },
  ],
  [["--no-healthcheck", "bb"], { Healthcheck: { Test: ["NONE"] } }],
  [["--restart", "always", "bb"], { HostConfig: { RestartPolicy: { Name: "always" } } }],
  [
    ["--restart", "on-failure:3", "bb"],
    { HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } } },
  ],
  [["--restart", "no", "--rm", "bb"], { HostConfig: { AutoRemove: true } }],
  [["--rm", "bb"], { HostConfig: { AutoRemove: true } }],
  [["--memory-swap", "1g", "bb"], { HostConfig: { MemorySwap: 1073741824 } }],
  [["-m", "1.5g", "bb"], { HostConfig: { Memory: 1610612736 } }],
  [["-m", "10kb", "--shm-size", "64K", "bb"], { HostConfig: { ShmSize: 65536, Memory: 10240 } }],
  [
    [
      "--cpus",
      "1.5",
      "-c",
      "512",
      "--cpu-period",
      "100000",
      "--cpu-quota",
      "50000",
      "--cpuset-cpus",
      "0-1",
      "--cpuset-mems",
      "0",
      "--cpu-rt-period",
      "1000",
      "--cpu-rt-runtime",
      "500",
      "bb",
    ],
    {
      HostConfig: {
        CpuShares: 512,
        NanoCpus: 1500000000,
        CpuPeriod: 100000,
        CpuQuota: 50000,
        CpuRealtimePeriod: 1000,
        CpuRealtimeRuntime: 500,
        CpusetCpus: "0-1",
        CpusetMems: "0",
      },
    },
  ],
  [["--cpus", "1/4", "bb"], { HostConfig: { NanoCpus: 250000000 } }],
  [["--cpus", "1e-1", "bb"], { HostConfig: { NanoCpus: 100000000 } }],
  [
    ["--pids-limit", "100", "--oom-kill-disable", "--oom-score-adj", "-500", "bb"],
    { HostConfig: { OomScoreAdj: -500, OomKillDisable: true, PidsLimit: 100 } },
  ],
  [["--pids-limit", "-1", "bb"], { HostConfig: { PidsLimit: -1 } }],
  [["--pids-limit", "0x10", "bb"], { HostConfig: { PidsLimit: 16 } }],
  [
    ["--cap-add", "ALL", "--cap-drop", "NET_RAW", "--cap-drop", "chown", "bb"],
    { HostConfig: { CapAdd: ["ALL"], CapDrop: ["CAP_CHOWN", "CAP_NET_RAW"] } },
  ],
  [
    [
      "--privileged",
      "--security-opt",
      "no-new-privileges",
      "--security-opt",
      "seccomp=unconfined",
      "--security-opt",
      "label=disable",
      "--security-opt",
      "apparmor:foo",
      "bb",
    ],
    {
      HostConfig: {
        Privileged: true,
        SecurityOpt: ["no-new-privileges", "seccomp=unconfined", "label=disable", "apparmor:foo"],
      },
    },
  ],
  [
    ["--security-opt", "systempaths=unconfined", "bb"],
    { HostConfig: { MaskedPaths: [], ReadonlyPaths: [] } },
  ],
  [
    ["--security-opt", "no-new-privileges:true", "bb"],
    { HostConfig: { SecurityOpt: ["no-new-privileges:true"] } },
  ],
  [
    ["--userns", "host", "--pid", "host", "--uts", "host", "--ipc", "host", "--cgroupns", "private", "bb"],
    {
      HostConfig: {
        CgroupnsMode: "private",
        IpcMode: "host",
        PidMode: "host",
        UTSMode: "host",
        UsernsMode: "host",
      },
    },
  ],
  [
    ["--pid", "container:x", "--ipc", "container:y", "bb"],
    { HostConfig: { IpcMode: "container:y", PidMode: "container:x" } },
  ],
  [["--network", "none", "bb"], { HostConfig: { NetworkMode: "none" } }],
  [["--net", "host", "bb"], { HostConfig: { NetworkMode: "host" } }],
  [["--network", "container:x", "bb"], { HostConfig: { NetworkMode: "container:x" } }],
  [
    [
      "--network",
      "n1",
      "--network-alias",
      "a",
      "--ip",
      "1.2.3.4",
      "--ip6",
      "::1",
      "--link-local-ip",
      "169.254.1.1",
      "--mac-address",
      "92:d0:c6:0a:29:33",
      "bb",
    ],
    {
      HostConfig: { NetworkMode: "n1" },
      NetworkingConfig: {
        EndpointsConfig: {
          n1: {
            IPAMConfig: { IPv4Address: "1.2.3.4", IPv6Address: "::1", LinkLocalIPs: ["169.254.1.1"] },
            Aliases: ["a"],
            MacAddress: "92:d0:c6:0a:29:33",
          },
        },
      },
    },
  ],
  [
    [
      "--network",
      "name=n1,alias=a,alias=b,ip=1.2.3.4,ip6=::5,mac-address=92:d0:c6:0a:29:33,driver-opt=x=y,gw-priority=5,link-local-ip=1.1.1.1",
      "bb",
    ],
    {
      HostConfig: { NetworkMode: "n1" },
      NetworkingConfig: {
        EndpointsConfig: {
          n1: {
            IPAMConfig: { IPv4Address: "1.2.3.4", IPv6Address: "::5", LinkLocalIPs: ["1.1.1.1"] },
            Aliases: ["a", "b"],
            MacAddress: "92:d0:c6:0a:29:33",
            DriverOpts: { x: "y" },
            GwPriority: 5,
          },
        },
      },
    },
  ],
  [
    ["--network", "n1", "--network", "name=n2,alias=z", "bb"],
    { HostConfig: { NetworkMode: "n1" }, NetworkingConfig: { EndpointsConfig: { n2: { Aliases: ["z"] } } } },
  ],
  [
    ["--mac-address", "92:d0:c6:0a:29:33", "bb"],
    { NetworkingConfig: { EndpointsConfig: { default: { MacAddress: "92:d0:c6:0a:29:33" } } } },
  ],
  [["--link", "a", "--link", "b:c", "bb"], { HostConfig: { Links: ["a", "b:c"] } }],
  [
    ["--network", "n1", "--link", "a:b", "bb"],
    {
      HostConfig: { NetworkMode: "n1", Links: ["a:b"] },
      NetworkingConfig: { EndpointsConfig: { n1: { Links: ["a:b"] } } },
    },
  ],
  [
    [
      "--dns",
      "1.1.1.1",
      "--dns",
      "::1",
      "--dns-search",
      "foo.com",
      "--dns-search",
      ".",
      "--dns-option",
      "a:b",
      "--dns-opt",
      "c",
      "bb",
    ],
    { HostConfig: { Dns: ["1.1.1.1", "::1"], DnsOptions: ["a:b", "c"], DnsSearch: ["foo.com", "."] } },
  ],
  [["--dns", "127.0.0.1", "bb"], { HostConfig: { Dns: ["127.0.0.1"] } }],
  [
    [
      "--add-host",
      "a:1.2.3.4",
      "--add-host",
      "b=::1",
      "--add-host",
      "c:[::1]",
      "--add-host",
      "d:host-gateway",
      "bb",
    ],
    { HostConfig: { ExtraHosts: ["a:1.2.3.4", "b:::1", "c:::1", "d:host-gateway"] } },
  ],
  [["--init", "bb"], { HostConfig: { Init: true } }],
  [["--init=false", "bb"], { HostConfig: { Init: false } }],
  [["--tty=false", "--interactive=1", "bb"], { AttachStdin: true, OpenStdin: true, StdinOnce: true }],
  [["-t=false", "-i=true", "bb"], { AttachStdin: true, OpenStdin: true, StdinOnce: true }],
  [["--stop-signal", "TERM", "--stop-timeout", "0", "bb"], { StopSignal: "TERM", StopTimeout: 0 }],
  [["--entrypoint", "x", "bb"], { Entrypoint: ["x"] }],
  [["--entrypoint=", "bb"], { Entrypoint: [""] }],
  [["--entrypoint", "", "bb", "y"], { Cmd: ["y"], Entrypoint: [""] }],
  [
    [
      "-u",
      "1:2",
      "-w",
      "/x",
      "--read-only",
      "--runtime",
      "r",
      "--isolation",
      "i",
      "--cgroup-parent",
      "p",
      "--volume-driver",
      "vd",
      "--volumes-from",
      "a",
      "--volumes-from",
      "b:ro",
      "--group-add",
      "g",
      "bb",
    ],
    {
      User: "1:2",
      WorkingDir: "/x",
      HostConfig: {
        VolumeDriver: "vd",
        VolumesFrom: ["a", "b:ro"],
        GroupAdd: ["g"],
        ReadonlyRootfs: true,
        Runtime: "r",
        Isolation: "i",
        CgroupParent: "p",
      },
    },
  ],
  [
    ["--log-driver", "json-file", "--log-opt", "a=b", "--log-opt", "c", "bb"],
    { HostConfig: { LogConfig: { Type: "json-file", Config: { a: "b", c: "" } } } },
  ],
  [["--storage-opt", "size=1g", "bb"], { HostConfig: { StorageOpt: { size: "1g" } } }],
  [
    ["--sysctl", "net.a=1", "--sysctl", "kernel.sem=2", "bb"],
    { HostConfig: { Sysctls: { "kernel.sem": "2", "net.a": "1" } } },
  ],
  [["--annotation", "a=b", "--annotation", "c", "bb"], { HostConfig: { Annotations: { a: "b", c: "" } } }],
  [["--", "bb", "-x"], { Cmd: ["-x"] }],
  [["bb", "--", "-x"], { Cmd: ["--", "-x"] }],
  [["sha256:abc"], { Image: "sha256:abc" }],
  [["-P=false", "bb"], {}],
  [
    ["-p=80:90", "bb"],
    {
      ExposedPorts: { "90/tcp": {} },
      HostConfig: { PortBindings: { "90/tcp": [{ HostIp: "", HostPort: "80" }] } },
    },
  ],
  [
    ["-p80:90", "bb"],
    {
      ExposedPorts: { "90/tcp": {} },
      HostConfig: { PortBindings: { "90/tcp": [{ HostIp: "", HostPort: "80" }] } },
    },
  ],
  [["--attach", "STDIN", "--attach", "stderr", "bb"], { AttachStdin: true, AttachStdout: null }],
  [["--disable-content-trust=false", "--disable-content-trust", "bb"], {}],
  [
    ["--health-on-failure", "restart", "--health-cmd", "check", "bb"],
    { Healthcheck: { Test: ["CMD-SHELL", "check"], OnFailure: "restart" } },
  ],
  [["--health-on-failure", "kill", "bb"], { Healthcheck: { OnFailure: "kill" } }],
];

for (const [words, expected] of REQUESTS) {
  test(`create ${words.join(" ")}`, () => {
    process.env["BAR"] = "barvalue";
    expect(beyondDefault(requestFor(words))).toEqual(expected);
  });
}

/** Command lines that are refused, and how. */
const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [["-itd", "bb"], "unknown shorthand flag: 'd' in -d"],
  [
    ["-a", "foo", "bb"],
    'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR',
  ],
  [
    ["-e", "A=1", "-e", "BAR", "-e", "NOPE", "-e", "=x", "bb"],
    'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x',
  ],
  [["--env-file", "/nope", "bb"], "open /nope: no such file or directory"],
  [["-l", "=x", "bb"], 'invalid argument "=x" for "-l, --label" flag: invalid label \'=x\': empty name'],
  [
    ["-l", "a b=c", "bb"],
    'invalid argument "a b=c" for "-l, --label" flag: label \'a b\' contains whitespaces',
  ],
  [["-v", "", "bb"], "invalid empty volume spec"],
  [["-v", "/a::b", "bb"], "invalid spec: /a::b: empty section between colons"],
  [
    ["--mount", "type=bind,src=/a", "bb"],
    'invalid argument "type=bind,src=/a" for "--mount" flag: target is required',
  ],
  [
    ["--mount", "type=tmpfs,dst=/b,bind-propagation=x", "bb"],
    "invalid argument \"type=tmpfs,dst=/b,bind-propagation=x\" for \"--mount\" flag: cannot mix 'bind-*' options with mount type 'tmpfs'",
  ],
  [
    ["--mount", "type=bind,src=/a,dst=/b,bind-recursive=readonly", "bb"],
    "invalid argument \"type=bind,src=/a,dst=/b,bind-recursive=readonly\" for \"--mount\" flag: option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
  ],
  [
    ["--mount", "type=bind,src=/a,dst=/b,bind-recursive=foo", "bb"],
    'invalid argument "type=bind,src=/a,dst=/b,bind-recursive=foo" for "--mount" flag: invalid value for bind-recursive: foo (must be "enabled", "disabled", "writable", or "readonly")',
  ],
  [
    ["--mount", "type=bind,bogus", "bb"],
    'invalid argument "type=bind,bogus" for "--mount" flag: invalid field \'bogus\' must be a key=value pair',
  ],
  [
    ["--mount", "type=bind,bogus=1", "bb"],
    "invalid argument \"type=bind,bogus=1\" for \"--mount\" flag: unexpected key 'bogus' in 'bogus=1'",
  ],
  [
    ["--mount", "type=volume,dst=/b,readonly=x", "bb"],
    'invalid argument "type=volume,dst=/b,readonly=x" for "--mount" flag: invalid value for readonly: x',
  ],
  [
    ["-p", "8000-8003:80-82", "bb"],
    "invalid ranges specified for container and host Ports: 80-82 and 8000-8003",
  ],
  [["-p", "80/foo", "bb"], "invalid proto: foo"],
  [["-p", "foo", "bb"], "invalid containerPort: foo"],
  [["-p", "foo:80", "bb"], "invalid hostPort: foo"],
  [["-p", "70000:80", "bb"], "invalid hostPort: 70000"],
  [["-p", "1.2.3:80:80", "bb"], "invalid IP address: 1.2.3"],
  [
    ["-p", "published=8080,target", "bb"],
    "invalid publish opts format (should be name=value but got 'target')",
  ],
  [["--expose", "1:2", "bb"], "invalid port format for --expose: 1:2"],
  [
    ["--expose", "x", "bb"],
    'invalid range format for --expose: x, error: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [
    ["--expose", "9-8", "bb"],
    "invalid range format for --expose: 9-8, error: invalid range specified for port: 9-8",
  ],
  [["--ulimit", "foo=1", "bb"], 'invalid argument "foo=1" for "--ulimit" flag: invalid ulimit type: foo'],
  [
    ["--ulimit", "nofile", "bb"],
    'invalid argument "nofile" for "--ulimit" flag: invalid ulimit argument: nofile',
  ],
  [
    ["--ulimit", "nofile=20:10", "bb"],
    'invalid argument "nofile=20:10" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 20 > 10',
  ],
  [
    ["--ulimit", "nofile=1:2:3", "bb"],
    'invalid argument "nofile=1:2:3" for "--ulimit" flag: too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`',
  ],
  [
    ["--ulimit", "nofile=-1:10", "bb"],
    'invalid argument "nofile=-1:10" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 10',
  ],
  [
    ["--ulimit", "nofile=a", "bb"],
    'invalid argument "nofile=a" for "--ulimit" flag: strconv.ParseInt: parsing "a": invalid syntax',
  ],
  [["--device", "foo", "bb"], "foo is not an absolute path"],
  [["--device", "/dev/a:/dev/b:xyz", "bb"], "bad mode specified: xyz"],
  [["--device", "a:b:c:d", "bb"], "bad format for path: a:b:c:d"],
  [
    ["--device-cgroup-rule", "foo", "bb"],
    'invalid argument "foo" for "--device-cgroup-rule" flag: invalid device cgroup format \'foo\'',
  ],
  [
    ["--device-read-bps", "sda:1mb", "bb"],
    'invalid argument "sda:1mb" for "--device-read-bps" flag: bad format for device path: sda:1mb',
  ],
  [
    ["--device-read-bps", "/dev/sda:x", "bb"],
    'invalid argument "/dev/sda:x" for "--device-read-bps" flag: invalid rate for device: /dev/sda:x. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb',
  ],
  [
    ["--device-read-iops", "/dev/sda:1mb", "bb"],
    'invalid argument "/dev/sda:1mb" for "--device-read-iops" flag: invalid rate for device: /dev/sda:1mb. The correct format is <device-path>:<number>. Number must be a positive integer',
  ],
  [
    ["--blkio-weight-device", "/dev/sda:5", "bb"],
    'invalid argument "/dev/sda:5" for "--blkio-weight-device" flag: invalid weight for device: /dev/sda:5',
  ],
  [
    ["--gpus", "foo", "bb"],
    'invalid argument "foo" for "--gpus" flag: invalid count (foo): value must be either "all" or an integer: invalid syntax',
  ],
  [
    ["--gpus", "count=1,count=2", "bb"],
    'invalid argument "count=1,count=2" for "--gpus" flag: gpu request key \'count\' can be specified only once',
  ],
  [
    ["--gpus", "bogus=2", "bb"],
    "invalid argument \"bogus=2\" for \"--gpus\" flag: unexpected key 'bogus' in 'bogus=2'",
  ],
  [["--health-interval=-5s", "bb"], "--health-interval cannot be negative"],
  [["--no-healthcheck", "--health-cmd", "x", "bb"], "--no-healthcheck conflicts with --health-* options"],
  [
    ["--restart", "on-failure:x", "bb"],
    "invalid restart policy format: maximum retry count must be an integer",
  ],
  [["--restart", ":3", "bb"], "invalid restart policy format: no policy provided before colon"],
  [["--restart", "always", "--rm", "bb"], "conflicting options: cannot specify both --restart and --rm"],
  [["-m", "1x", "bb"], 'invalid argument "1x" for "-m, --memory" flag: invalid suffix: \'x\''],
  [["-m", "", "bb"], 'invalid argument "" for "-m, --memory" flag: invalid size: \'\''],
  [["-m", "-5", "bb"], 'invalid argument "-5" for "-m, --memory" flag: invalid size: \'-5\''],
  [["--memory-swappiness", "101", "bb"], "invalid value: 101. Valid memory swappiness range is 0-100"],
  [
    ["--cpus", "0.0000000001", "bb"],
    'invalid argument "0.0000000001" for "--cpus" flag: value is too precise',
  ],
  [["--cpus", "1/3", "bb"], 'invalid argument "1/3" for "--cpus" flag: value is too precise'],
  [
    ["--security-opt", "seccomp=/nope", "bb"],
    "opening seccomp profile (/nope) failed: open /nope: no such file or directory",
  ],
  [["--security-opt", "foo", "bb"], 'Invalid --security-opt: "foo"'],
  [["--pid", "foo", "bb"], "--pid: invalid PID mode"],
  [["--uts", "foo", "bb"], "--uts: invalid UTS mode"],
  [["--userns", "foo", "bb"], "--userns: invalid USER mode"],
  [["--cgroupns", "foo", "bb"], "--cgroupns: invalid CGROUP mode"],
  [["--network", "n1", "--network", "n1", "bb"], 'network "n1" is specified multiple times'],
  [
    ["--network", "host", "--network", "n1", "bb"],
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
  ],
  [
    ["--network", "name=n1,alias=a", "--network-alias", "b", "bb"],
    "conflicting options: cannot specify both --network-alias and per-network alias",
  ],
  [
    ["--network", "alias=b", "bb"],
    'invalid argument "alias=b" for "--network" flag: network name/id is not specified',
  ],
  [
    ["--network", "name=n,foo=b", "bb"],
    'invalid argument "name=n,foo=b" for "--network" flag: invalid field key foo',
  ],
  [
    ["--network", "name=n,gw-priority=x", "bb"],
    'invalid argument "name=n,gw-priority=x" for "--network" flag: invalid gw-priority (x): invalid syntax',
  ],
  [["--network-alias", "b", "bb"], "network-scoped aliases are only supported for user-defined networks"],
  [
    ["--network", "host", "--network-alias", "b", "bb"],
    "network-scoped aliases are only supported for user-defined networks",
  ],
  [["--mac-address", "zz", "bb"], "zz is not a valid mac address"],
  [["--link", "a:b:c", "bb"], 'invalid argument "a:b:c" for "--link" flag: bad format for links: a:b:c'],
  [
    ["--dns", "foo", "bb"],
    'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo',
  ],
  [
    ["--dns-search", "a b", "bb"],
    'invalid argument "a b" for "--dns-search" flag: a b is not a valid domain',
  ],
  [["--dns-search", "1", "bb"], 'invalid argument "1" for "--dns-search" flag: 1 is not a valid domain'],
  [["--add-host", "a", "bb"], 'invalid argument "a" for "--add-host" flag: bad format for add-host: "a"'],
  [
    ["--add-host", "a:b", "bb"],
    'invalid argument "a:b" for "--add-host" flag: invalid IP address in add-host: "b"',
  ],
  [["--log-driver", "none", "--log-opt", "a=b", "bb"], "invalid logging opts for driver none"],
  [["--storage-opt", "size", "bb"], "invalid storage option"],
  [
    ["--sysctl", "foo=1", "bb"],
    'invalid argument "foo=1" for "--sysctl" flag: sysctl \'foo=1\' is not allowed',
  ],
  [
    ["--sysctl", "net.a", "bb"],
    'invalid argument "net.a" for "--sysctl" flag: sysctl \'net.a\' is not allowed',
  ],
  [["--publish=80:90", "-dit", "bb"], "unknown shorthand flag: 'd' in -dit"],
  [["-xyz", "bb"], "unknown shorthand flag: 'x' in -xyz"],
  [["---x", "bb"], "bad flag syntax: ---x"],
  [["--=x", "bb"], "bad flag syntax: --=x"],
  [
    ["-it=foo", "bb"],
    'invalid argument "foo" for "-t, --tty" flag: strconv.ParseBool: parsing "foo": invalid syntax',
  ],
  [
    ["--health-on-failure", "explode", "bb"],
    'invalid argument "explode" for "--health-on-failure" flag: must be one of "none", "kill", "restart", "stop"',
  ],
  [
    ["--no-healthcheck", "--health-on-failure", "kill", "bb"],
    "--no-healthcheck conflicts with --health-* options",
  ],
  [["--cpu-count", "1", "bb"], '"--cpu-count" is only supported on an engine that runs Windows containers'],
];

for (const [words, message] of REFUSED) {
  test(`create ${words.join(" ")} is refused`, () => {
    expect(() => requestFor(words)).toThrow(message);
  });
}

test("paths of mounts that begin with a dot are those of the working directory", () => {
  const request = requestFor(["-v", "./x:/y", "--mount", "type=bind,src=.,dst=/z", "bb"]);
  const { Binds, Mounts } = request["HostConfig"] as { Binds: string[]; Mounts: { Source: string }[] };
  expect(Binds).toEqual([`${process.cwd()}/x:/y`]);
  expect(Mounts[0]!.Source).toBe(process.cwd());
});

test("files of variables and labels are read, and flags win over them", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-options-"));
  try {
    const file = join(folder, "pairs");
    writeFileSync(file, "\ufeffA=1\n# a comment\n\n  B= two words \r\nBAR\nABSENT_HERE\n");
    process.env["BAR"] = "barvalue";
    const request = requestFor(["--env-file", file, "-e", "A=2", "--label-file", file, "-l", "A=3", "bb"]);
    expect(request["Env"]).toEqual(["A=1", "B= two words ", "BAR=barvalue", "A=2"]);
    expect(request["Labels"]).toEqual({ A: "3", B: " two words " });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file of variables with a bad line is refused", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-options-"));
  try {
    const file = join(folder, "pairs");
    writeFileSync(file, "A B=1\n");
    expect(() => requestFor(["--env-file", file, "bb"])).toThrow(
      `invalid env file (${file}): variable 'A B' contains whitespaces`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a seccomp profile is sent by its content", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-options-"));
  try {
    const file = join(folder, "profile.json");
    writeFileSync(file, '{ "defaultAction" : "SCMP_ACT_ALLOW" }');
    const request = requestFor(["--security-opt", `seccomp=${file}`, "bb"]);
    expect(request["HostConfig"]).toMatchObject({
      SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the client's proxies reach the container, unless it has its own", () => {
  const config = { proxies: { default: { httpProxy: "http://p:1", noProxy: "localhost" } } };
  const request = requestFor(["-e", "http_proxy=mine", "bb"], { config });
  expect(request["Env"]).toEqual([
    "http_proxy=mine",
    "HTTP_PROXY=http://p:1",
    "NO_PROXY=localhost",
    "no_proxy=localhost",
  ]);
});

test("old engines get the MAC address where they look for it", () => {
  const words = ["--mac-address", "92:d0:c6:0a:29:33", "bb"];
  expect(requestFor(words)).not.toHaveProperty("MacAddress");
  expect(requestFor(words, { macInConfig: true })).toHaveProperty("MacAddress", "92:d0:c6:0a:29:33");
});
