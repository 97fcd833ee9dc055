import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "../../sdk/index.ts";
import type { ContainerInspect } from "../../wire/index.ts";
import type { CreatedRequest } from "./context.ts";
import { createRequest } from "./create-request.ts";
import { type Around, applicationOf, contextOf, engineWithImage } from "./testing.ts";

/** A project whose service `web` has these lines. */
const withWeb = (lines: string, more = "") =>
  `services:\n  db: { image: db }\n  web:\n    image: web:1\n${lines.replace(/^/gm, "    ")}\n${more}`;

const requested = (lines: string, more = "", around: Around = {}): Promise<CreatedRequest> =>
  createRequest(contextOf(applicationOf(withWeb(lines, more), around)));

/** The attribute as it is written, and what the engine is asked for. */
type Row = [lines: string, part: object];

describe("what an image could say, too", () => {
  const rows: Row[] = [
    ["command: echo 'a b'", { Cmd: ["echo", "a b"] }],
    ["entrypoint: [/bin/x]", { Entrypoint: ["/bin/x"] }],
    ["entrypoint: []", { Entrypoint: [] }],
    ["environment: { A: '1', GONE: }", { Env: ["A=1", "GONE"] }],
    ["hostname: h\ndomainname: d", { Hostname: "h", Domainname: "d" }],
    ["user: '1:2'\nworking_dir: /w", { User: "1:2", WorkingDir: "/w" }],
    ["tty: true\nstdin_open: true", { Tty: true, OpenStdin: true, StdinOnce: false }],
    ["stop_signal: INT\nstop_grace_period: 1m30s", { StopSignal: "INT", StopTimeout: 90 }],
    [
      "expose: ['1', 2-3/udp]\nports: ['4']",
      { ExposedPorts: { "4/tcp": {}, "1/tcp": {}, "2/udp": {}, "3/udp": {} } },
    ],
    ["healthcheck: { disable: true }", { Healthcheck: expect.objectContaining({ Test: ["NONE"] }) }],
    [
      "healthcheck: { test: x, interval: 1s, timeout: 2s, retries: 3, start_period: 4s, start_interval: 5s }",
      {
        Healthcheck: {
          Test: ["CMD-SHELL", "x"],
          Interval: 1e9,
          Timeout: 2e9,
          Retries: 3,
          StartPeriod: 4e9,
          StartInterval: 5e9,
        },
      },
    ],
    ["network_mode: disabled", { NetworkDisabled: true }],
  ];
  test.each(rows)("%s", async (lines, part) => {
    expect((await requested(lines)).request).toMatchObject(part);
  });

  test("nothing said is nothing asked for, so that the image's own counts", async () => {
    const { request } = await requested("");
    const unsaid = ["Cmd", "Entrypoint", "Healthcheck", "StopSignal", "StopTimeout"] as const;
    for (const field of unsaid) expect(request[field]).toBeUndefined();
  });
});

describe("what depends on the host", () => {
  const rows: Row[] = [
    ["annotations: { a: b }", { Annotations: { a: "b" } }],
    [
      "cap_add: [net_admin, ALL]\ncap_drop: [CAP_MKNOD]",
      { CapAdd: ["CAP_NET_ADMIN", "ALL"], CapDrop: ["CAP_MKNOD"] },
    ],
    ["cgroup: host\ncgroup_parent: p", { CgroupnsMode: "host", CgroupParent: "p" }],
    ["dns: 1.1.1.1\ndns_opt: [o]\ndns_search: s", { Dns: ["1.1.1.1"], DnsOptions: ["o"], DnsSearch: ["s"] }],
    ["extra_hosts: { a: ['1.2.3.4', '::1'] }", { ExtraHosts: ["a:1.2.3.4", "a:::1"] }],
    ["group_add: [5, x]", { GroupAdd: ["5", "x"] }],
    ["init: false", { Init: false }],
    [
      "ipc: shareable\npid: host\nuts: host\nuserns_mode: host",
      { IpcMode: "shareable", PidMode: "host", UTSMode: "host", UsernsMode: "host" },
    ],
    ["ipc: service:db\npid: service:db", { IpcMode: "container:id-of-db", PidMode: "container:id-of-db" }],
    ["isolation: default", { Isolation: "default" }],
    [
      "logging: { driver: local, options: { max-size: 1m } }",
      { LogConfig: { Type: "local", Config: { "max-size": "1m" } } },
    ],
    ["privileged: true\nread_only: true", { Privileged: true, ReadonlyRootfs: true }],
    ["restart: on-failure:3", { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }],
    ["restart: 'no'", { RestartPolicy: { Name: "no", MaximumRetryCount: 0 } }],
    [
      "restart: always\ndeploy: { restart_policy: { condition: none } }",
      { RestartPolicy: { Name: "no", MaximumRetryCount: 0 } },
    ],
    [
      "deploy: { restart_policy: { condition: any } }",
      { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } },
    ],
    [
      "deploy: { restart_policy: { condition: on-failure, max_attempts: 2 } }",
      { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
    ],
    ["runtime: crun", { Runtime: "crun" }],
    [
      "security_opt: [no-new-privileges, label:disable]",
      { SecurityOpt: ["no-new-privileges", "label:disable"] },
    ],
    ["security_opt: [systempaths=unconfined]", { SecurityOpt: null, MaskedPaths: [], ReadonlyPaths: [] }],
    [
      "shm_size: 1m\nstorage_opt: { size: 1G }\nsysctls: { a: 1 }",
      { ShmSize: 2 ** 20, StorageOpt: { size: "1G" }, Sysctls: { a: "1" } },
    ],
    ["tmpfs: [/a, '/b:size=1m,mode=1777']", { Tmpfs: { "/a": "", "/b": "size=1m,mode=1777" } }],
    [
      "ulimits: { nproc: 5, nofile: { soft: 1, hard: 2 } }",
      {
        Ulimits: [
          { Name: "nproc", Soft: 5, Hard: 5 },
          { Name: "nofile", Soft: 1, Hard: 2 },
        ],
      },
    ],
    [
      "volumes_from: [db, 'db:ro', 'container:other:ro']",
      { VolumesFrom: ["id-of-db", "id-of-db:ro", "other:ro"] },
    ],
  ];
  test.each(rows)("%s", async (lines, part) => {
    expect((await requested(lines)).request.HostConfig).toMatchObject(part);
  });
});

describe("what it may use", () => {
  const rows: Row[] = [
    ["cpus: 0.3", { NanoCpus: 300_000_000 }],
    ["cpu_percent: 12.5\ncpu_count: 2", { CpuPercent: 1250, CpuCount: 2 }],
    [
      "cpu_shares: 5\ncpuset: 0-1\ncpu_period: 6\ncpu_quota: 7",
      { CpuShares: 5, CpusetCpus: "0-1", CpuPeriod: 6, CpuQuota: 7 },
    ],
    ["cpu_rt_period: 8\ncpu_rt_runtime: 9", { CpuRealtimePeriod: 8, CpuRealtimeRuntime: 9 }],
    [
      "mem_limit: 2m\nmem_reservation: 1m\nmemswap_limit: 3m\nmem_swappiness: 0",
      { Memory: 2 << 20, MemoryReservation: 1 << 20, MemorySwap: 3 << 20, MemorySwappiness: 0 },
    ],
    ["memswap_limit: -1", { MemorySwap: -1 }],
    [
      "oom_kill_disable: true\noom_score_adj: -5\npids_limit: 9",
      { OomKillDisable: true, OomScoreAdj: -5, PidsLimit: 9 },
    ],
    ["device_cgroup_rules: ['c 1:3 mr']", { DeviceCgroupRules: ["c 1:3 mr"] }],
    [
      "devices: ['/dev/a:/dev/b:r', /dev/c]",
      {
        Devices: [
          { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" },
          { PathOnHost: "/dev/c", PathInContainer: "/dev/c", CgroupPermissions: "rwm" },
        ],
      },
    ],
    [
      "devices: [vendor.com/gpu=all]",
      { Devices: [], DeviceRequests: [{ Driver: "cdi", Count: 0, DeviceIDs: ["vendor.com/gpu=all"] }] },
    ],
    ["gpus: all", { DeviceRequests: [expect.objectContaining({ Count: -1, Capabilities: [["gpu"]] })] }],
    [
      "blkio_config: { weight: 9, weight_device: [{ path: /a, weight: 1 }], device_read_bps: [{ path: /b, rate: 1k }], device_read_iops: [{ path: /c, rate: 2 }], device_write_bps: [{ path: /d, rate: 3 }], device_write_iops: [{ path: /e, rate: 4 }] }",
      {
        BlkioWeight: 9,
        BlkioWeightDevice: [{ Path: "/a", Weight: 1 }],
        BlkioDeviceReadBps: [{ Path: "/b", Rate: 1024 }],
        BlkioDeviceReadIOps: [{ Path: "/c", Rate: 2 }],
        BlkioDeviceWriteBps: [{ Path: "/d", Rate: 3 }],
        BlkioDeviceWriteIOps: [{ Path: "/e", Rate: 4 }],
      },
    ],
    [
      "deploy: { resources: { limits: { cpus: '1.5', memory: 8m, pids: 7 }, reservations: { memory: 4m, devices: [{ capabilities: [gpu, x], driver: d, device_ids: [a], options: { o: v } }] } } }",
      {
        NanoCpus: 1_500_000_000,
        Memory: 8 << 20,
        PidsLimit: 7,
        MemoryReservation: 4 << 20,
        DeviceRequests: [
          { Driver: "d", Count: 0, DeviceIDs: ["a"], Capabilities: [["gpu", "x"]], Options: { o: "v" } },
        ],
      },
    ],
  ];
  test.each(rows)("%s", async (lines, part) => {
    expect((await requested(lines)).request.HostConfig).toMatchObject(part);
  });
});

test("ports: where on the host, with ranges left for the engine to choose from", async () => {
  const { request } = await requested(
    "ports: ['127.0.0.1:80:80', '8000-8009:90/udp', '70', { target: 80, published: '81', host_ip: '::1', mode: host }]",
  );
  expect(request.HostConfig?.PortBindings).toEqual({
    "80/tcp": [
      { HostIp: "127.0.0.1", HostPort: "80" },
      { HostIp: "::1", HostPort: "81" },
    ],
    "90/udp": [{ HostIp: "", HostPort: "8000-8009" }],
    "70/tcp": [{ HostIp: "", HostPort: "" }],
  });
});

test("expose of no port is refused", async () => {
  await expect(requested("expose: ['9-8']")).rejects.toThrow('services.web.expose: invalid port: "9-8"');
});

test("healthcheck.start_interval needs a start_period", async () => {
  await expect(requested("healthcheck: { test: x, start_interval: 1s }")).rejects.toThrow(
    "requires healthcheck.start_period",
  );
});

describe("volumes", () => {
  const volumes = "volumes: { data: }";
  test("those that the older way of mounting can say", async () => {
    const { request } = await requested(
      "volumes: ['./a:/a', './b:/b:ro,z', 'data:/d', 'data:/e:ro', { type: bind, source: ./f, target: /f, bind: { selinux: Z, propagation: rslave } }]",
      volumes,
    );
    expect(request.HostConfig?.Binds).toEqual([
      "/srv/app/a:/a:rw",
      "/srv/app/b:/b:ro,z",
      "shop_data:/d:rw",
      "shop_data:/e:ro",
      "/srv/app/f:/f:rw,Z,rslave",
    ]);
    expect(request.HostConfig?.Mounts).toEqual([]);
  });

  const rows: [string, object][] = [
    [
      "{ type: bind, source: /a, target: /b, bind: { create_host_path: false } }",
      { Type: "bind", Source: "/a", Target: "/b", BindOptions: {} },
    ],
    [
      "{ type: bind, source: /a, target: /b, read_only: true, consistency: cached, bind: { propagation: rshared } }",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        ReadOnly: true,
        Consistency: "cached",
        BindOptions: { Propagation: "rshared", CreateMountpoint: true },
      },
    ],
    [
      "{ type: bind, source: /a, target: /b, bind: { recursive: disabled } }",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        BindOptions: { NonRecursive: true, CreateMountpoint: true },
      },
    ],
    [
      "{ type: bind, source: /a, target: /b, bind: { recursive: writable } }",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        BindOptions: { ReadOnlyNonRecursive: true, CreateMountpoint: true },
      },
    ],
    [
      "{ type: bind, source: /a, target: /b, bind: { recursive: readonly } }",
      {
        Type: "bind",
        Source: "/a",
        Target: "/b",
        BindOptions: { ReadOnlyForceRecursive: true, CreateMountpoint: true },
      },
    ],
    [
      "{ type: bind, source: '/a:b', target: /b }",
      { Type: "bind", Source: "/a:b", Target: "/b", BindOptions: { CreateMountpoint: true } },
    ],
    ["/anonymous", { Type: "volume", Target: "/anonymous", VolumeOptions: {} }],
    [
      "data:/d:nocopy",
      { Type: "volume", Source: "shop_data", Target: "/d", VolumeOptions: { NoCopy: true } },
    ],
    [
      "{ type: volume, source: data, target: /d, volume: { subpath: s, labels: { a: b } } }",
      {
        Type: "volume",
        Source: "shop_data",
        Target: "/d",
        VolumeOptions: { Subpath: "s", Labels: { a: "b" } },
      },
    ],
    [
      "{ type: tmpfs, target: /t, tmpfs: { size: 1k, mode: 0o1770 } }",
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024, Mode: 0o1770 } },
    ],
    [
      "{ type: image, source: other:2, target: /i, image: { subpath: s } }",
      { Type: "image", Source: "other:2", Target: "/i", ImageOptions: { Subpath: "s" } },
    ],
    ["{ type: image, source: db, target: /i }", { Type: "image", Source: "db", Target: "/i" }],
  ];
  test.each(rows)("%s", async (volume, mount) => {
    const { request } = await requested(
      `volumes: [${volume.startsWith("{") ? volume : `'${volume}'`}]`,
      volumes,
    );
    expect(request.HostConfig?.Binds).toBeNull();
    expect(request.HostConfig?.Mounts).toEqual([mount]);
  });

  test.each([
    ["npipe", "is for Windows containers only"],
    ["cluster", "needs a swarm"],
  ])("a mount of type %s is refused", async (type, why) => {
    await expect(requested(`volumes: [{ type: ${type}, source: a, target: /b }]`)).rejects.toThrow(
      `services.web.volumes[0]: a mount of type ${type} ${why}`,
    );
  });

  test("options of another type of mount are warned of", async () => {
    const { warnings } = await requested("volumes: [{ type: tmpfs, target: /t, volume: { nocopy: true } }]");
    expect(warnings).toEqual([
      "services.web.volumes[0]: mount of type `tmpfs` should not define `volume` option",
    ]);
  });
});

describe("anonymous volumes of the container before", () => {
  const name = "a".repeat(64);
  const mounted = (Destination: string, Name: string, RW = true) => ({
    Type: "volume",
    Destination,
    Name,
    RW,
  });
  const previous = {
    Mounts: [
      mounted("/declared", name),
      mounted("/of-image", name, false),
      mounted("/no-more", name),
      mounted("/named", "shop_data"),
    ],
  } as unknown as ContainerInspect;
  const mounts = async (renewAnonymousVolumes: boolean) => {
    const app = applicationOf(withWeb("volumes: [/declared]"), {
      engine: engineWithImage(["/of-image", "/named"]),
    });
    return (await createRequest(contextOf(app, "web", { previous, renewAnonymousVolumes }))).request;
  };

  test("are handed on where the service or its image still wants one", async () => {
    expect((await mounts(false)).HostConfig?.Mounts).toEqual([
      { Type: "volume", Source: name, Target: "/declared", ReadOnly: false },
      { Type: "volume", Source: name, Target: "/of-image", ReadOnly: true },
    ]);
  });

  test("begin anew where that is asked for", async () => {
    expect((await mounts(true)).HostConfig?.Mounts).toEqual([
      { Type: "volume", Target: "/declared", VolumeOptions: {} },
    ]);
  });

  test("the container says whose place it takes", async () => {
    expect((await mounts(false)).Labels?.["com.docker.compose.replace"]).toBe("web-1");
  });
});

describe("networks", () => {
  const networks = "networks: { a: , b: { name: other }, c: }";

  test("the first by priority, then by name; all its settings", async () => {
    const { request, extraNetworks } = await requested(
      `networks:
  a: { aliases: [x, y], ipv4_address: 10.0.0.2, ipv6_address: 'fd00::2', link_local_ips: [169.254.1.1], driver_opts: { k: v }, gw_priority: 5 }
  c: { interface_name: eth9 }
  b: { priority: 9, mac_address: '02:00:00:00:00:01' }`,
      networks,
    );
    expect(request.HostConfig?.NetworkMode).toBe("other");
    expect(Object.keys(request.NetworkingConfig?.EndpointsConfig ?? {})).toEqual([
      "other",
      "shop_a",
      "shop_c",
    ]);
    expect(request.NetworkingConfig?.EndpointsConfig).toEqual({
      other: { Aliases: ["shop-web-1", "web"], MacAddress: "02:00:00:00:00:01" },
      shop_a: {
        Aliases: ["shop-web-1", "web", "x", "y"],
        IPAMConfig: { IPv4Address: "10.0.0.2", IPv6Address: "fd00::2", LinkLocalIPs: ["169.254.1.1"] },
        DriverOpts: { k: "v" },
        GwPriority: 5,
      },
      shop_c: {
        Aliases: ["shop-web-1", "web"],
        DriverOpts: { "com.docker.network.endpoint.ifname": "eth9" },
      },
    });
    expect(extraNetworks).toEqual([]);
  });

  test("an engine of before joins the further ones afterwards", async () => {
    const engine = new Engine("unix:///nowhere.sock", { apiVersion: "1.41" });
    const { request, extraNetworks } = await requested(
      "networks: { a: { priority: 1, mac_address: '02:00:00:00:00:01' }, b: { aliases: [x] } }",
      networks,
      { engine },
    );
    expect(request.MacAddress).toBe("02:00:00:00:00:01");
    expect(request.NetworkingConfig?.EndpointsConfig).toEqual({ shop_a: { Aliases: ["shop-web-1", "web"] } });
    expect(extraNetworks).toEqual([{ network: "other", settings: { Aliases: ["shop-web-1", "web", "x"] } }]);
  });

  test("what an older engine would pass over in silence is refused", async () => {
    const engine = new Engine("unix:///nowhere.sock", { apiVersion: "1.43" });
    await expect(requested("networks: { a: { interface_name: x } }", networks, { engine })).rejects.toThrow(
      "services.web: networks.*.interface_name requires Docker Engine v28.1 or later",
    );
  });

  test("the service's own MAC address is that of its first network, and of no other", async () => {
    const { request } = await requested("mac_address: '02:00:00:00:00:02'\nnetworks: [b, a]", networks);
    expect(request.NetworkingConfig?.EndpointsConfig?.["shop_a"]?.MacAddress).toBe("02:00:00:00:00:02");
    expect(request.NetworkingConfig?.EndpointsConfig?.["other"]?.MacAddress).toBeUndefined();
    await expect(
      requested(
        "mac_address: '02:00:00:00:00:02'\nnetworks: { a: { mac_address: '02:00:00:00:00:03' } }",
        networks,
      ),
    ).rejects.toThrow("should have the same value as network a");
  });

  const modes: [string, string][] = [
    ["host", "host"],
    ["none", "none"],
    ["container:x", "container:x"],
    ["service:db", "container:id-of-db"],
  ];
  test.each(modes)("network_mode: %s", async (mode, expected) => {
    const { request } = await requested(`network_mode: ${mode}`);
    expect(request.HostConfig?.NetworkMode).toBe(expected);
    expect(request.NetworkingConfig).toBeUndefined();
  });

  test("a service whose container is missing cannot be shared with", async () => {
    const app = applicationOf(withWeb("network_mode: service:db"));
    await expect(createRequest(contextOf(app, "web", { containersOf: () => [] }))).rejects.toThrow(
      "cannot share network namespace with service db: container missing",
    );
  });

  test("links: every name that a container had before there were networks", async () => {
    const { request } = await requested("links: [db, 'db:database']\nexternal_links: [old, 'old:x']");
    const links = [
      "shop-db-1:db",
      "shop-db-1:db-1",
      "shop-db-1:shop-db-1",
      "shop-db-1:database",
      "old:old",
      "old:x",
    ];
    expect(request.HostConfig?.Links).toEqual(links);
    expect(request.NetworkingConfig?.EndpointsConfig?.["shop_default"]?.Links).toEqual(links);
  });

  test("a container of `run` has its own name only, unless it asks for the service's", async () => {
    const app = applicationOf(withWeb("networks: { default: { aliases: [x] } }"));
    const aliases = async (useAliases: boolean) => {
      const oneOff = { slug: "s", useAliases };
      const context = contextOf(app, "web", { oneOff, number: 0, name: "shop-web-run-s" });
      const { request } = await createRequest(context);
      expect(request.Labels).toMatchObject({
        "com.docker.compose.oneoff": "True",
        "com.docker.compose.slug": "s",
      });
      expect(request.Labels?.["com.docker.compose.container-number"]).toBeUndefined();
      return request.NetworkingConfig?.EndpointsConfig?.["shop_default"]?.Aliases;
    };
    expect(await aliases(false)).toEqual(["shop-web-run-s"]);
    expect(await aliases(true)).toEqual(["shop-web-run-s", "web", "x"]);
  });
});

describe("labels", () => {
  test("the service's own, and those by which Compose finds its containers", async () => {
    const lines =
      "labels: { own: v, com.docker.compose.service: forged }\nlabel_file: l\ndepends_on: { db: { condition: service_healthy, restart: true } }";
    const app = applicationOf(withWeb(lines), { files: { l: "from=file\nown=w\n" } });
    const { request } = await createRequest(contextOf(app, "web", { labels: { further: "1" } }));
    expect(request.Labels).toEqual({
      own: "v",
      from: "file",
      further: "1",
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.version": expect.stringMatching(/^\d+\.\d+\.\d+$/),
      "com.docker.compose.project.working_dir": "/srv/app",
      "com.docker.compose.project.config_files": "/srv/app/compose.yaml",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.config-hash": "h",
      "com.docker.compose.depends_on": "db:service_healthy:true",
      "com.docker.compose.container-number": "1",
      "com.docker.compose.image": "sha256:1",
    });
  });
});

describe("secrets and configs", () => {
  const objects = `
secrets: { file: { file: ./s }, variable: { environment: TOKEN } }
configs: { file: { file: ./c }, text: { content: hello }, variable: { environment: TOKEN } }`;
  const around = { environment: { TOKEN: "t" } };
  const parts = async (lines: string, engine?: Engine) => {
    const { request, files } = await requested(
      lines,
      objects,
      engine === undefined ? around : { ...around, engine },
    );
    return { mounts: request.HostConfig?.Mounts, files };
  };

  test("files of this machine are bound, read-only", async () => {
    expect(
      await parts(
        "secrets: [file, { source: file, target: other }]\nconfigs: [file, { source: file, target: /etc/c }]",
      ),
    ).toEqual({
      mounts: [
        { Type: "bind", Source: "/srv/app/s", Target: "/run/secrets/file", ReadOnly: true },
        { Type: "bind", Source: "/srv/app/s", Target: "/run/secrets/other", ReadOnly: true },
        { Type: "bind", Source: "/srv/app/c", Target: "/file", ReadOnly: true },
        { Type: "bind", Source: "/srv/app/c", Target: "/etc/c", ReadOnly: true },
      ],
      files: [],
    });
  });

  test("a file with an owner or a mode of its own is copied, with them", async () => {
    const { mounts, files } = await parts("secrets: [{ source: file, uid: '5', gid: '6', mode: 0400 }]");
    expect(mounts).toEqual([]);
    expect(files).toMatchObject([
      {
        target: "/run/secrets/file",
        content: { path: "/srv/app/s" },
        uid: 5,
        gid: 6,
        mode: 0o400,
        by: "archive",
      },
    ]);
  });

  test("to another machine's engine files are copied, with their own mode", async () => {
    const engine = new Engine("tcp://example.test:2375", { apiVersion: "1.51" });
    const { mounts, files } = await parts("secrets: [file]\nconfigs: [file]", engine);
    expect(mounts).toEqual([]);
    expect(files.map(({ target, content, mode }) => [target, content, mode])).toEqual([
      ["/run/secrets/file", { path: "/srv/app/s" }, undefined],
      ["/file", { path: "/srv/app/c" }, undefined],
    ]);
  });

  test("texts and variables are copied, readable by all", async () => {
    const { files } = await parts(
      "secrets: [variable]\nconfigs: [text, { source: variable, target: rel/x, mode: '0600' }]",
    );
    expect(files.map(({ target, content, mode, uid }) => [target, content, mode, uid])).toEqual([
      ["/run/secrets/variable", { text: "t" }, 0o444, 0],
      ["/text", { text: "hello" }, 0o444, 0],
      ["/rel/x", { text: "t" }, 0o600, 0],
    ]);
  });

  test("a variable that is not set is an error", async () => {
    await expect(requested("secrets: [variable]", objects)).rejects.toThrow(
      'environment variable "TOKEN" required by secret "shop_variable" is not set',
    );
  });

  const hidden = [
    "read_only: true",
    "tmpfs: /run",
    "volumes: [{ type: tmpfs, target: /run }]",
    "volumes: ['./x:/run:ro']",
  ];
  test.each(hidden)("%s: they are files of a volume made for them", async (line) => {
    const { mounts, files } = await parts(`${line}\nsecrets: [variable]`);
    expect(files).toMatchObject([{ by: "volume" }]);
    expect(mounts).toContainEqual({
      Type: "volume",
      Source: "shop-web-1-files",
      Target: "/run/secrets/variable",
      ReadOnly: true,
      VolumeOptions: { NoCopy: true, Subpath: "0" },
    });
  });

  test("a writable volume over the place takes the file", async () => {
    const { files } = await parts("read_only: true\nvolumes: ['./x:/run']\nsecrets: [variable]");
    expect(files).toMatchObject([{ by: "archive" }]);
  });

  test("the volume that is mounted at the same place wins", async () => {
    const { files } = await parts("volumes: ['./x:/text']\nconfigs: [text]");
    expect(files).toEqual([]);
  });

  const bad: [string, string][] = [
    ["secrets: [{ source: variable, target: ../../etc/passwd }]", 'invalid target "../../etc/passwd"'],
    ["configs: [{ source: text, target: /a/../../b }]", 'invalid target "/a/../../b"'],
    ["configs: [{ source: text, target: / }]", 'invalid target "/"'],
    ["secrets: [{ source: variable, uid: root }]", 'uid must be a number, not "root"'],
    ["secrets: [{ source: variable, gid: '4294967295' }]", 'gid must be a number, not "4294967295"'],
  ];
  test.each(bad)("%s is refused", async (lines, message) => {
    await expect(requested(lines, objects, around)).rejects.toThrow(message);
  });

  test.each([
    ["secrets: { x: { external: true, name: y } }", "unsupported external secret y"],
    ["secrets: { x: { driver: d } }", "secrets.*.driver is not supported"],
    ["secrets: { x: { file: f, template_driver: d } }", "secrets.*.template_driver is not supported"],
  ])("%s is refused", async (more, message) => {
    await expect(requested("secrets: [x]", more)).rejects.toThrow(message);
  });
});

describe("the client's own", () => {
  test("its proxies reach the container, unless it says otherwise; a seccomp profile travels", async () => {
    const folder = mkdtempSync(join(tmpdir(), "berth-create-"));
    try {
      const config = { proxies: { default: { httpProxy: "http://p", noProxy: "n" } } };
      writeFileSync(join(folder, "config.json"), JSON.stringify(config));
      writeFileSync(join(folder, "seccomp.json"), '{ "defaultAction": "SCMP_ACT_ALLOW" }\n');
      const lines = `environment: { no_proxy: mine }\nsecurity_opt: ['seccomp=${folder}/seccomp.json', seccomp=unconfined]`;
      const { request } = await requested(lines, "", { environment: { DOCKER_CONFIG: folder } });
      expect(request.Env).toEqual([
        "HTTP_PROXY=http://p",
        "http_proxy=http://p",
        "NO_PROXY=n",
        "no_proxy=mine",
      ]);
      expect(request.HostConfig?.SecurityOpt).toEqual([
        'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
        "seccomp=unconfined",
      ]);
      await expect(requested(`security_opt: ['seccomp:${folder}/none']`)).rejects.toThrow(
        /opening seccomp profile/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("use_api_socket: the socket, the credentials, and where they are", async () => {
    const { request, files } = await requested("use_api_socket: true");
    expect(request.HostConfig?.Binds).toEqual(["/nowhere.sock:/var/run/docker.sock:rw"]);
    expect(request.Env).toContain("DOCKER_CONFIG=/run/secrets/docker");
    expect(files).toMatchObject([
      { target: "/run/secrets/docker/config.json", content: { text: '{"auths":{}}' } },
    ]);
  });

  test("use_api_socket of a read-only service brings its credentials by a volume", async () => {
    const { files } = await requested("use_api_socket: true\nread_only: true");
    expect(files.map(({ by }) => by)).toEqual(["volume"]);
  });

  test("platform: the service's, else that of the environment", async () => {
    const environment = { DOCKER_DEFAULT_PLATFORM: "linux/arm64" };
    expect((await requested("", "", { environment })).platform).toBe("linux/arm64");
    expect((await requested("platform: linux/amd64", "", { environment })).platform).toBe("linux/amd64");
    expect((await requested("")).platform).toBeUndefined();
  });
});

describe("refused, or told that it has no effect", () => {
  test.each([
    ["credential_spec: { file: x }", "services.web.credential_spec: is for Windows containers only"],
    ["provider: { type: x }", "services.web.provider: services of a provider are not supported"],
    ["models: [m]", "services.web.models: language models are not supported"],
    ["security_opt: [nonsense]", 'invalid security-opt: "nonsense"'],
  ])("%s", async (lines, message) => {
    await expect(requested(lines, "models: { m: { model: ai/x } }")).rejects.toThrow(message);
  });

  test("what `deploy` says to a cluster", async () => {
    const { warnings } = await requested(
      `deploy:
  mode: replicated-job
  endpoint_mode: vip
  update_config: { parallelism: 1 }
  rollback_config: { parallelism: 1 }
  placement: { max_replicas_per_node: 1 }
  restart_policy: { condition: any, delay: 1s, window: 1s }
  resources: { reservations: { cpus: '1', generic_resources: [{ discrete_resource_spec: { kind: x, value: 1 } }] } }`,
    );
    expect(warnings.map((text) => text.replace(/ has no effect.*/, ""))).toEqual(
      [
        "mode",
        "endpoint_mode",
        "update_config",
        "rollback_config",
        "placement",
        "resources.reservations.cpus",
        "resources.reservations.generic_resources",
        "restart_policy.delay",
        "restart_policy.window",
      ].map((attribute) => `services.web.deploy.${attribute}`),
    );
  });

  test("what has a meaning on one engine is not warned of", async () => {
    const { warnings } = await requested(
      "deploy: { mode: global, replicas: 1, endpoint_mode: dnsrr, labels: { a: b }, resources: { limits: { cpus: '1' } } }",
    );
    expect(warnings).toEqual([]);
  });
});
