import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostConfig } from "../../wire/index.ts";
import type { SpecInput } from "../contract.ts";
import { specInput, TEST_FACTS } from "../testing/spec-input.ts";
import { buildSpec, serializeSpec } from "./build.ts";

const withHost = (host: HostConfig, over: Partial<SpecInput> = {}) => buildSpec(specInput({ host, ...over }));

/** Compares with a file beside this one; `BERTH_UPDATE_GOLDEN=1` writes it, to be read before it is kept. */
function expectGolden(name: string, input: SpecInput): void {
  const path = join(import.meta.dir, "golden", `${name}.json`);
  const text = `${JSON.stringify(JSON.parse(serializeSpec(buildSpec(input))), null, 2)}\n`;
  if (process.env["BERTH_UPDATE_GOLDEN"]) writeFileSync(path, text);
  expect(existsSync(path)).toBe(true);
  expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(path, "utf8")));
}

describe("golden files", () => {
  test("a container with nothing but a command", () => expectGolden("default", specInput()));

  test("a privileged container", () => expectGolden("privileged", specInput({ host: { Privileged: true } })));

  test("a container that shares all it can with the host", () =>
    expectGolden(
      "host-namespaces",
      specInput({
        host: { NetworkMode: "host", IpcMode: "host", PidMode: "host", UTSMode: "host" },
        namespaces: { network: "host", pid: "host", ipc: "host", uts: "host", cgroup: "host", user: "host" },
      }),
    ));

  test("a container with many options", () =>
    expectGolden(
      "options",
      specInput({
        config: { Tty: true },
        args: ["server", "--port", "80"],
        env: ["PATH=/bin", 'A=ä"\n'],
        cwd: "/srv",
        user: { uid: 1000, gid: 1000, additionalGids: [1000, 27], home: "/home/u" },
        domainname: "example.org",
        readonlyRootfs: true,
        initPath: "/usr/bin/tini-static",
        mounts: [
          { source: "/data/b", destination: "/srv/a/b", type: "bind", options: ["rbind", "rslave"] },
          { source: "/data", destination: "/srv", type: "bind", options: ["rbind", "ro", "rprivate"] },
          { destination: "/tmp", type: "tmpfs", options: ["noexec", "nosuid", "nodev", "size=1m"] },
        ],
        host: {
          ReadonlyRootfs: true,
          ConsoleSize: [24, 80],
          Memory: 64 << 20,
          MemoryReservation: 32 << 20,
          MemorySwappiness: 10,
          OomKillDisable: true,
          OomScoreAdj: 300,
          CpuShares: 512,
          NanoCpus: 1_500_000_000,
          CpusetCpus: "0-1,3",
          CpusetMems: "0",
          PidsLimit: 100,
          BlkioWeight: 300,
          BlkioWeightDevice: [{ Path: "/dev/sda", Weight: 200 }],
          BlkioDeviceReadBps: [{ Path: "/dev/sda", Rate: 1_000_000 }],
          BlkioDeviceWriteIOps: [{ Path: "/dev/sda", Rate: 100 }],
          Devices: [
            { PathOnHost: "/dev/sda", PathInContainer: "/dev/xvda", CgroupPermissions: "r" },
            { PathOnHost: "/dev/snd", PathInContainer: "/dev/sound" },
          ],
          DeviceCgroupRules: ["c 10:* rm"],
          Ulimits: [
            { Name: "nofile", Soft: 1024, Hard: 2048 },
            { Name: "core", Soft: -1, Hard: -1 },
          ],
          Sysctls: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "1000", "kernel.domainname": "other.org" },
          CapAdd: ["net_admin", "CAP_SYS_TIME"],
          CapDrop: ["MKNOD"],
          SecurityOpt: ["no-new-privileges"],
          ShmSize: 1 << 20,
          Annotations: { "com.example.a": "b" },
          MaskedPaths: ["/proc/kcore"],
          ReadonlyPaths: [],
        },
      }),
    ));
});

describe("processes", () => {
  test("the command comes after the init", () => {
    const spec = buildSpec(specInput({ initPath: "/usr/bin/tini-static" }));
    expect(spec.process.args).toEqual(["/sbin/docker-init", "--", "sh", "-c", "true"]);
  });

  test("the init is left out where the PID namespace is somebody else's", () => {
    const namespaces = { ...specInput().namespaces, pid: "host" as const };
    const spec = buildSpec(specInput({ initPath: "/usr/bin/tini-static", namespaces }));
    expect(spec.process.args).toEqual(["sh", "-c", "true"]);
    expect(spec.mounts.some((mount) => mount.destination === "/sbin/docker-init")).toBe(false);
  });

  test.each([
    "/proc/self/fd/8",
    "/proc/./self//fd/8",
    "/x/../proc/77/fd",
    "/proc/thread-self/fd/3/..",
    "/proc/self/cwd",
    "/dev/fd/3",
  ])("the working directory %p is refused (CVE-2024-21626)", (cwd) => {
    expect(() => buildSpec(specInput({ cwd }))).toThrow("is invalid");
  });

  test.each(["/proc", "/proc/self", "/srv/proc/self/fd/1", "/proc/selfish/fd", "/dev/fdx"])(
    "the working directory %p is not",
    (cwd) => {
      expect(buildSpec(specInput({ cwd })).process.cwd).toBe(cwd);
    },
  );

  test("a NUL byte in an argument is refused", () => {
    expect(() => buildSpec(specInput({ args: ["a\0b"] }))).toThrow("NUL");
  });

  test("AppArmor's profile is named where the kernel has it", () => {
    const facts = { ...TEST_FACTS, appArmor: true };
    expect(withHost({}, { facts }).process.apparmorProfile).toBe("berth-default");
    expect(withHost({ Privileged: true }, { facts }).process.apparmorProfile).toBe("unconfined");
    expect(withHost({ SecurityOpt: ["apparmor=mine"] }, { facts }).process.apparmorProfile).toBe("mine");
    expect(withHost({ SecurityOpt: ["apparmor=mine"] }).process.apparmorProfile).toBeUndefined();
  });

  test("an unlimited limit is written as the kernel's largest number", () => {
    const text = serializeSpec(withHost({ Ulimits: [{ Name: "stack", Soft: 1, Hard: -1 }] }));
    expect(text).toContain('{"type":"RLIMIT_STACK","soft":1,"hard":18446744073709551615}');
  });
});

describe("seccomp", () => {
  test("is off for privileged containers and for `unconfined`, but not against a profile", () => {
    expect(withHost({}).linux.seccomp).toBeDefined();
    expect(withHost({ Privileged: true }).linux.seccomp).toBeUndefined();
    expect(withHost({ SecurityOpt: ["seccomp=unconfined"] }).linux.seccomp).toBeUndefined();
    const SecurityOpt = ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'];
    expect(withHost({ Privileged: true, SecurityOpt }).linux.seccomp?.defaultAction).toBe("SCMP_ACT_ALLOW");
    expect(withHost({ SecurityOpt: ["seccomp=builtin"] }).linux.seccomp?.defaultAction).toBe(
      "SCMP_ACT_ERRNO",
    );
  });

  test("more capabilities open more calls", () => {
    const names = (host: HostConfig) =>
      withHost(host).linux.seccomp?.syscalls.flatMap((rule) => rule.names) ?? [];
    expect(names({})).not.toContain("mount");
    expect(names({ CapAdd: ["SYS_ADMIN"] })).toContain("mount");
    expect(names({})).toContain("chroot");
    expect(names({ CapDrop: ["SYS_CHROOT"] })).not.toContain("chroot");
  });

  test("a kernel without it refuses a profile, and runs without the default one", () => {
    const facts = { ...TEST_FACTS, seccomp: false };
    expect(withHost({}, { facts }).linux.seccomp).toBeUndefined();
    expect(() => withHost({ SecurityOpt: ["seccomp={}"] }, { facts })).toThrow(
      "seccomp is not enabled in your kernel, cannot run a custom seccomp profile",
    );
  });
});

describe("mounts", () => {
  const destinations = (input: Partial<SpecInput>) =>
    buildSpec(specInput(input)).mounts.map((m) => m.destination);
  const bind = (destination: string, ...options: string[]) => ({
    source: "/src",
    destination,
    type: "bind" as const,
    options: ["rbind", ...options],
  });

  test("come outermost first, after the defaults", () => {
    const mounts = [bind("/a/b/c"), bind("/a"), bind("/a/b")];
    expect(destinations({ mounts }).slice(-3)).toEqual(["/a", "/a/b", "/a/b/c"]);
  });

  test("take the place of defaults", () => {
    const spec = buildSpec(specInput({ mounts: [bind("/dev/shm")] }));
    expect(spec.mounts.filter((mount) => mount.destination === "/dev/shm")).toEqual([
      { ...bind("/dev/shm"), options: ["rbind"] },
    ]);
    expect(destinations({ mounts: [bind("/dev")] }).filter((path) => path.startsWith("/dev"))).toEqual([
      "/dev",
    ]);
  });

  test("--ipc none has no shared memory, --ipc host the host's", () => {
    expect(destinations({ host: { IpcMode: "none" } })).not.toContain("/dev/shm");
    const namespaces = { ...specInput().namespaces, ipc: "host" as const };
    const shared = buildSpec(specInput({ namespaces })).mounts.find(
      (mount) => mount.destination === "/dev/shm",
    );
    expect(shared?.source).toBe("/dev/shm");
  });

  test("shared and slave ones keep the root's propagation open", () => {
    expect(buildSpec(specInput({ mounts: [bind("/a", "rshared")] })).linux.rootfsPropagation).toBe("shared");
    expect(buildSpec(specInput({ mounts: [bind("/a", "slave")] })).linux.rootfsPropagation).toBe("rslave");
    expect(
      buildSpec(specInput({ mounts: [bind("/a", "rprivate")] })).linux.rootfsPropagation,
    ).toBeUndefined();
  });

  test.each(["/", "a", "/a/../b", "/a/./b", "/a//b", "/a/", ""])("onto %p are refused", (destination) => {
    expect(() => buildSpec(specInput({ mounts: [bind(destination)] }))).toThrow(/invalid/);
  });

  test("two onto one place are refused", () => {
    expect(() => buildSpec(specInput({ mounts: [bind("/a"), bind("/a")] }))).toThrow(
      "Duplicate mount point: /a",
    );
  });

  test("--security-opt writable-cgroups opens the container's own", () => {
    const options = (host: HostConfig) =>
      withHost(host).mounts.find((mount) => mount.type === "cgroup")?.options ?? [];
    expect(options({})).toContain("ro");
    expect(options({ SecurityOpt: ["writable-cgroups"] })).not.toContain("ro");
    expect(options({ Privileged: true })).not.toContain("ro");
    expect(options({ Privileged: true, SecurityOpt: ["writable-cgroups=false"] })).toContain("ro");
  });
});

describe("masked and read-only paths", () => {
  const paths = (host: HostConfig) => {
    const { maskedPaths, readonlyPaths } = withHost(host).linux;
    return [maskedPaths?.length, readonlyPaths?.length];
  };

  test("are open for privileged containers and unconfined system paths, unless a list is given", () => {
    expect(paths({})).toEqual([13, 5]);
    expect(paths({ Privileged: true })).toEqual([0, 0]);
    expect(paths({ SecurityOpt: ["systempaths=unconfined"] })).toEqual([0, 0]);
    expect(paths({ MaskedPaths: [], ReadonlyPaths: ["/proc/sys"] })).toEqual([0, 1]);
    expect(paths({ Privileged: true, MaskedPaths: ["/proc/kcore"] })).toEqual([1, 0]);
  });
});

describe("sysctls", () => {
  const namespaces = specInput().namespaces;
  const set = (name: string, over: Partial<typeof namespaces> = {}) =>
    withHost({ Sysctls: { [name]: "1" } }, { namespaces: { ...namespaces, ...over } }).linux.sysctl?.[name];

  test("of the container's own namespaces are set", () => {
    for (const name of [
      "net.core.somaxconn",
      "kernel.sem",
      "fs.mqueue.msg_max",
      "net/ipv4/conf/eth0.1/rp_filter",
    ]) {
      expect(set(name)).toBe("1");
    }
  });

  test.each([
    [
      "net.ipv4.ip_forward",
      { network: "host" },
      'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    ],
    ["kernel.shmmax", { ipc: "host" }, 'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace'],
    ["kernel.panic", {}, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    ["vm/swappiness", {}, 'sysctl "vm.swappiness" is not in a separate kernel namespace'],
    ["net..ipv4", {}, "is not in a separate kernel namespace"],
    ["kernel.hostname", {}, 'conflicts with the OCI "hostname" field'],
    ["kernel.domainname", { uts: "host" }, "is not in a separate kernel namespace"],
  ] as const)("%p with %p is refused", (name, over, words) => {
    expect(() => set(name, over)).toThrow(words);
  });

  test("the friendly defaults are only for a network of the container's own", () => {
    expect(Object.keys(withHost({}).linux.sysctl ?? {})).toEqual([
      "net.ipv4.ping_group_range",
      "net.ipv4.ip_unprivileged_port_start",
    ]);
    expect(withHost({ NetworkMode: "container:x" }).linux.sysctl).toEqual({});
    expect(withHost({}, { namespaces: { ...namespaces, network: "host" } }).linux.sysctl).toEqual({});
  });
});

describe("devices", () => {
  test.each([
    [
      "/dev/nosuch",
      'error gathering device information while adding custom device "/dev/nosuch": no such file or directory',
    ],
    ["/etc", 'error gathering device information while adding custom device "/etc": not a device node'],
  ])("%p is refused", (PathOnHost, words) => {
    expect(() =>
      withHost({ Devices: [{ PathOnHost, PathInContainer: "/dev/x", CgroupPermissions: "rwm" }] }),
    ).toThrow(words);
  });

  test.each(["c 1:3", "x 1:3 r", "c 1:3 rx", "c 99999999999999999999:1 r", ""])(
    "the rule %p is refused",
    (rule) => {
      expect(() => withHost({ DeviceCgroupRules: [rule] })).toThrow(/device cgroup rule/);
    },
  );

  test("a block limit for what is no device is refused", () => {
    expect(() => withHost({ BlkioDeviceReadBps: [{ Path: "/dev/nosuch", Rate: 1 }] })).toThrow(
      "stat /dev/nosuch: no such file or directory",
    );
  });
});

describe("requests for devices", () => {
  const edits = { env: [], deviceNodes: [], mounts: [], hooks: [], additionalGids: [] };
  const cdi = {
    names: () => ["vendor.com/net=a", "nvidia.com/gpu=all", "nvidia.com/gpu=0"],
    find: (name: string) =>
      cdi.names().includes(name)
        ? {
            kind: name.split("=")[0] ?? "",
            device: {
              ...edits,
              env: [`FOUND=${name}`],
              deviceNodes: [{ path: "/dev/vendor", hostPath: "/dev/sda" }],
              additionalGids: [44],
            },
            file: {
              ...edits,
              env: ["FILE=1"],
              mounts: [{ source: "/lib/v", destination: "/lib/v", type: "bind", options: ["ro"] }],
              hooks: [{ name: "createContainer" as const, hook: { path: "/usr/bin/hook" } }],
            },
          }
        : undefined,
  };

  test("--gpus without any says what Docker says", () => {
    const DeviceRequests = [{ Driver: "", Count: -1, Capabilities: [["gpu"]] }];
    expect(() => withHost({ DeviceRequests })).toThrow(
      'could not select device driver "" with capabilities: [[gpu]]',
    );
  });

  test("--gpus all takes the host's GPU files", () => {
    const DeviceRequests = [{ Driver: "", Count: -1, Capabilities: [["gpu"]] }];
    expect(withHost({ DeviceRequests }, { cdi }).process.env).toContain("FOUND=nvidia.com/gpu=all");
  });

  test("a CDI device brings what its file says", () => {
    const DeviceRequests = [{ Driver: "cdi", DeviceIDs: ["vendor.com/net=a"] }];
    const spec = withHost({ DeviceRequests }, { cdi });
    expect(spec.process.env).toContain("FILE=1");
    expect(spec.process.user.additionalGids).toEqual([0, 10, 44]);
    expect(spec.linux.devices).toEqual([
      { type: "b", path: "/dev/vendor", major: 8, minor: 0, fileMode: 0o660, uid: 0, gid: 6 },
    ]);
    expect(spec.linux.resources?.devices?.at(-1)).toEqual({
      allow: true,
      type: "b",
      major: 8,
      minor: 0,
      access: "rwm",
    });
    expect(spec.mounts.at(-1)?.destination).toBe("/lib/v");
    expect(spec.hooks?.createContainer).toEqual([{ path: "/usr/bin/hook" }]);
  });

  test("an unknown CDI device is refused", () => {
    const DeviceRequests = [{ Driver: "cdi", DeviceIDs: ["vendor.com/net=b"] }];
    expect(() => withHost({ DeviceRequests }, { cdi })).toThrow(
      "CDI device injection failed: unresolvable CDI devices vendor.com/net=b",
    );
  });
});
