import { describe, expect, test } from "bun:test";
import { VERSION } from "../../lib/index.ts";
import type { EngineFacts } from "./checks/engine.ts";
import { instanceName } from "./checks/leftovers.ts";
import { droppingChains } from "./checks/network.ts";
import { countsOf } from "./doctor.ts";
import { report, reportData } from "./report.ts";
import { diagnose, type FakeMachine } from "./testing.ts";

/** What a machine's one difference comes to: status, text and commands of one finding. */
async function finding(id: string, machine: FakeMachine, facts?: EngineFacts) {
  const { status, text, mend = [] } = (await diagnose(machine, facts)).get(id) ?? {};
  return { status, text, mend: mend.join("\n") };
}
const files = (changes: Record<string, string | null>): FakeMachine => ({ files: changes });

test("on a machine where all is well only the engine is missing", async () => {
  const found = [...(await diagnose({})).values()].filter(({ status }) => status !== "ok");
  expect(found.map(({ id, status }) => [id, status])).toEqual([["engine.reached", "warn"]]);
});

test("every finding that is not well says why and what to type", async () => {
  const nothing = {
    files: Object.fromEntries(
      [
        "/proc/self/ns/pid",
        "/proc/sys/user/max_user_namespaces",
        "/proc/filesystems",
        "/proc/sys/kernel/seccomp/actions_avail",
        "/sys/module/veth/",
        "/etc/resolv.conf",
        "/usr/lib/x86_64-linux-gnu/libnftables.so.1",
      ].map((path) => [path, null]),
    ),
    programs: Object.fromEntries(
      ["runc --version", "nft --version", "nft list chains", "nft list tables"].map((name) => [
        `/usr/sbin/${name}`,
        null,
      ]),
    ),
  };
  const bad = [...(await diagnose(nothing)).values()].filter(({ status }) => /warn|fail/.test(status));
  expect(bad.length).toBeGreaterThan(6);
  for (const { id, why, mend } of bad) {
    expect(why, id).toBeTruthy();
    expect(mend?.length, id).toBeGreaterThan(0);
  }
});

describe("kernel", () => {
  test("too old for paths that stay in a container, or for layers that stay files", async () => {
    const at = (release: string) => files({ "/proc/sys/kernel/osrelease": release });
    expect(await finding("kernel.version", at("5.4.0-100-generic\n"))).toMatchObject({ status: "fail" });
    expect(await finding("kernel.version", at("5.10.0\n"))).toMatchObject({ status: "ok" });
    expect(await finding("kernel.erofs", at("6.11.9\n"))).toMatchObject({ status: "warn" });
  });

  test("features that are missing, and those that come when they are asked for", async () => {
    const without = { "/proc/filesystems": "nodev\tproc\n\text4\n" };
    expect(await finding("kernel.overlayfs", files(without))).toMatchObject({
      status: "fail",
      mend: expect.stringContaining("modprobe overlay"),
    });
    const modules = { "/lib/modules/6.12.5-amd64/modules.dep": "kernel/fs/overlayfs/overlay.ko.xz: a.ko\n" };
    expect(await finding("kernel.overlayfs", files({ ...without, ...modules }))).toMatchObject({
      status: "ok",
      text: "overlayfs, loaded when it is needed",
    });
    expect(await finding("kernel.namespaces", files({ "/proc/self/ns/net": null }))).toMatchObject({
      status: "fail",
      text: "this kernel has no namespaces of net",
    });
    expect(
      await finding("kernel.user-namespaces", files({ "/proc/sys/user/max_user_namespaces": "0\n" })),
    ).toMatchObject({ status: "warn", mend: "sysctl -w user.max_user_namespaces=15000" });
    expect(
      await finding("kernel.seccomp", files({ "/proc/sys/kernel/seccomp/actions_avail": null })),
    ).toMatchObject({ status: "fail" });
  });

  test("updated and not restarted", async () => {
    expect(await finding("kernel.modules", files({ "/lib/modules/6.13.0-amd64/": "" }))).toMatchObject({
      status: "fail",
      mend: "reboot",
    });
    expect(await finding("kernel.modules", files({ "/lib/modules/6.12.5-amd64/": "" }))).toEqual({
      status: undefined,
      text: undefined,
      mend: "",
    });
  });

  test("AppArmor without its parser, and SELinux", async () => {
    const appArmor = files({ "/sys/module/apparmor/parameters/enabled": "Y\n" });
    expect(await finding("kernel.security-module", appArmor)).toMatchObject({ status: "warn" });
    const parser = { ...appArmor, programs: { "/sbin/apparmor_parser": "" } };
    expect(await finding("kernel.security-module", parser)).toMatchObject({ status: "ok" });
    const selinux = files({ "/sys/fs/selinux/enforce": "1" });
    expect(await finding("kernel.security-module", selinux)).toMatchObject({ text: "SELinux is enforcing" });
  });
});

describe("cgroups", () => {
  const root = "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n";

  test("version 1, and none", async () => {
    const v1 = files({
      "/proc/self/mountinfo": `${root}31 22 0:1 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:2 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n`,
      "/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t8\t1\nmemory\t0\t8\t0\n",
    });
    expect(await finding("cgroups.layout", v1)).toMatchObject({
      status: "warn",
      text: "cgroups of version 1",
    });
    expect(await finding("cgroups.controllers", v1)).toMatchObject({
      status: "warn",
      text: "controllers are missing: cpuset, blkio, memory, pids, freezer, devices",
      mend: expect.stringContaining("cgroup_enable=memory"),
    });
    expect(await finding("cgroups.layout", files({ "/proc/self/mountinfo": root }))).toMatchObject({
      status: "fail",
    });
  });

  test("controllers that are missing, not handed down, or not for us", async () => {
    const controllers = (text: string) => files({ "/sys/fs/cgroup/cgroup.controllers": text });
    expect(await finding("cgroups.controllers", controllers("cpuset cpu io pids\n"))).toMatchObject({
      status: "warn",
      text: "controllers are missing: memory",
    });
    const inner = {
      "/sys/fs/cgroup/cgroup.type": "domain\n",
      "/sys/fs/cgroup/cgroup.subtree_control": "cpu\n",
    };
    expect(await finding("cgroups.delegation", files(inner))).toMatchObject({
      status: "warn",
      mend: expect.stringContaining(
        'echo "+cpuset +io +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control',
      ),
    });
    const readOnly = files({
      "/proc/self/mountinfo": `${root}26 22 0:24 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n`,
    });
    expect(await finding("cgroups.delegation", readOnly)).toMatchObject({ status: "fail" });
  });
});

describe("programs", () => {
  const programs = (changes: Record<string, string | null>): FakeMachine => ({ programs: changes });

  test("a runc that is missing, has known holes, or is a distribution's", async () => {
    const runc = (version: string) => programs({ "/usr/sbin/runc --version": `runc version ${version}\n` });
    expect(await finding("programs.runc", programs({ "/usr/sbin/runc --version": null }))).toMatchObject({
      status: "fail",
      mend: "apt-get install runc",
    });
    expect(await finding("programs.runc", runc("1.1.11"))).toMatchObject({
      status: "warn",
      text: expect.stringContaining("CVE-2024-21626"),
    });
    expect(await finding("programs.runc", runc("1.1.5+ds1"))).toMatchObject({ status: "ok" });
  });

  test("the distribution's own command installs what is missing", async () => {
    const on = (manager: string) =>
      programs({ "/usr/bin/conmon --version": null, "/usr/bin/apt-get": null, [manager]: "" });
    expect((await finding("programs.conmon", on("/usr/bin/dnf"))).mend).toBe("dnf install conmon");
    expect((await finding("programs.conmon", on("/sbin/apk"))).mend).toBe("apk add conmon");
    expect((await finding("programs.conmon", on("/usr/bin/none"))).mend).toStartWith("# install conmon");
  });

  test("nftables: the program, the library, or neither", async () => {
    const none = {
      "/usr/sbin/nft --version": null,
      "/usr/sbin/nft list chains": null,
      "/usr/sbin/nft list tables": null,
    };
    const noLibrary = { "/usr/lib/x86_64-linux-gnu/libnftables.so.1": null };
    expect(await finding("programs.nftables", { files: noLibrary, programs: none })).toMatchObject({
      status: "fail",
    });
    expect(await finding("programs.nftables", files(noLibrary))).toMatchObject({ status: "warn" });
    expect(await finding("programs.nftables", programs(none))).toMatchObject({ status: "ok" });
  });
});

describe("networks", () => {
  const chains = (text: string): FakeMachine => ({ programs: { "/usr/sbin/nft list chains": text } });
  const FORWARD =
    "table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n";

  test("forwarding that is off, and that the engine may not switch on", async () => {
    const off = { "/proc/sys/net/ipv4/ip_forward": "0\n" };
    expect(await finding("network.forwarding", files(off))).toMatchObject({ status: "ok" });
    const forbidden = { ...off, "/etc/berth/daemon.json": '{"ip-forward": false}' };
    expect(await finding("network.forwarding", files(forbidden))).toMatchObject({
      status: "fail",
      mend: expect.stringContaining("sysctl -w net.ipv4.ip_forward=1"),
    });
  });

  test("firewalls: a policy that drops, but not Docker's or our own", async () => {
    expect(droppingChains(`${FORWARD}}\ntable inet x {\n\tchain y {\n\t}\n}\n`)).toEqual([
      "ip filter FORWARD",
    ]);
    expect(await finding("network.forward-policy", chains(`${FORWARD}}\n`))).toMatchObject({
      status: "warn",
      mend: expect.stringContaining('nft insert rule ip filter FORWARD iifname "berth0" accept'),
    });
    const docker = chains(`${FORWARD}\tchain DOCKER-USER {\n\t}\n}\n`);
    expect(await finding("network.forward-policy", docker)).toMatchObject({ status: "ok" });
    const own = chains(
      "table inet berth {\n\tchain forward {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n",
    );
    expect(await finding("network.forward-policy", own)).toMatchObject({ status: "ok" });
    const nobody = { ...chains(FORWARD), host: { uid: 1000 } };
    expect(await finding("network.forward-policy", nobody)).toMatchObject({ status: "skip" });
    const broken = {
      host: { find: (...names: string[]) => (names[0] === "nft" ? "/usr/sbin/nft" : undefined) },
    };
    expect(
      await finding("network.forward-policy", { ...broken, programs: { "/usr/sbin/nft list chains": null } }),
    ).toMatchObject({ status: "fail", mend: "modprobe nf_tables" });
  });

  test("firewalld, ufw and br_netfilter", async () => {
    const firewalld = files({ "/proc/77/comm": "firewalld\n" });
    expect(await finding("network.firewalld", firewalld)).toMatchObject({ status: "warn" });
    const ufw = (policy: string) =>
      files({
        "/etc/ufw/ufw.conf": "ENABLED=yes\n",
        "/etc/default/ufw": `DEFAULT_FORWARD_POLICY="${policy}"\n`,
      });
    expect(await finding("network.ufw", ufw("DROP"))).toMatchObject({ status: "warn" });
    expect(await finding("network.ufw", ufw("ACCEPT"))).toMatchObject({ status: "ok" });
    const bridge = files({ "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n" });
    expect(await finding("network.br-netfilter", bridge)).toMatchObject({ status: "warn" });
  });

  test("name servers, and modules", async () => {
    expect(await finding("network.resolvers", files({ "/etc/resolv.conf": "search x\n" }))).toMatchObject({
      status: "warn",
    });
    expect(await finding("network.resolvers", {})).toMatchObject({ text: "name servers: 192.0.2.53" });
    const noVeth = { "/sys/module/veth/": null };
    expect(await finding("network.veth", files(noVeth))).toMatchObject({ status: "skip" });
    const list = { "/lib/modules/6.12.5-amd64/modules.dep": "kernel/drivers/net/bonding.ko:\n" };
    expect(await finding("network.veth", files({ ...noVeth, ...list }))).toMatchObject({
      status: "fail",
      mend: "modprobe veth",
    });
    const builtin = { "/lib/modules/6.12.5-amd64/modules.builtin": "kernel/drivers/net/veth.ko\n" };
    expect(await finding("network.veth", files({ ...noVeth, ...list, ...builtin }))).toMatchObject({
      status: "ok",
    });
  });
});

describe("storage", () => {
  const on = (type: string, options = "rw") =>
    files({
      "/proc/self/mountinfo": `22 1 254:1 / / rw - ext4 /dev/vda1 rw\n23 22 0:9 / /var/lib rw - btrfs /dev/x rw\n30 23 0:40 / /var/lib/berth ${options} - ${type} none ${options}\n26 22 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`,
    });

  test("file systems on which overlayfs does not keep what containers write", async () => {
    for (const type of ["nfs4", "cifs", "overlay", "vfat", "fuse.sshfs"])
      expect(await finding("storage.file-system", on(type)), type).toMatchObject({ status: "fail" });
    for (const type of ["ext4", "xfs", "btrfs"])
      expect(await finding("storage.file-system", on(type)), type).toMatchObject({ status: "ok" });
    for (const type of ["tmpfs", "zfs", "unheard"])
      expect(await finding("storage.file-system", on(type)), type).toMatchObject({ status: "warn" });
    const elsewhere = files({ "/etc/berth/daemon.json": '{"data-root": "/srv/berth"}' });
    expect(await finding("storage.file-system", elsewhere)).toMatchObject({ text: "/srv/berth is on ext4" });
  });

  test("options of the mount, and XFS without types", async () => {
    expect(await finding("storage.mount-options", on("ext4", "rw,noexec,nosuid"))).toMatchObject({
      status: "fail",
      mend: expect.stringContaining("mount -o remount,exec,suid /var/lib/berth"),
    });
    expect(await finding("storage.mount-options", on("ext4", "rw,nodev"))).toMatchObject({ status: "warn" });
    const xfs = (ftype: number) => ({
      ...on("xfs"),
      programs: { "/usr/sbin/xfs_info /var/lib/berth": `naming =version 2 ftype=${ftype}\n` },
    });
    expect(await finding("storage.d-type", xfs(0))).toMatchObject({ status: "fail" });
    expect(await finding("storage.d-type", xfs(1))).toMatchObject({ status: "ok" });
  });

  test("room and inodes", async () => {
    const space = (freeBytes: number, freeInodes = 1e6): FakeMachine => ({
      host: { space: () => ({ totalBytes: 1e12, freeBytes, totalInodes: 1e7, freeInodes }) },
    });
    expect(await finding("storage.space", space(5e8))).toMatchObject({ status: "fail" });
    expect(await finding("storage.space", space(1e10))).toMatchObject({ status: "warn" });
    expect(await finding("storage.space", space(5e11))).toMatchObject({ status: "ok" });
    expect(await finding("storage.inodes", space(5e11, 10))).toMatchObject({ status: "fail" });
  });
});

test("limits: each with the line that raises it", async () => {
  const low = files({
    "/proc/sys/fs/inotify/max_user_instances": "128\n",
    "/proc/self/limits": "Max open files            1024                 4096                 files\n",
  });
  expect(await finding("limits.inotify-instances", low)).toMatchObject({
    status: "warn",
    mend: expect.stringContaining("sysctl -w fs.inotify.max_user_instances=1024"),
  });
  expect(await finding("limits.nofile", low)).toMatchObject({ status: "warn" });
  // The engine's own where one runs.
  const engine = files({
    "/proc/50/cmdline": "/usr/local/bin/berth\0daemon\0",
    "/proc/50/limits": "Max open files            1024                 2048                 files\n",
  });
  expect(await finding("limits.nofile", engine)).toMatchObject({
    text: "open files of the engine: 2048 at most",
  });
});

test("a clock before its time, and one that nothing keeps right", async () => {
  expect(await finding("clock", { host: { now: new Date(0) } })).toMatchObject({ status: "fail" });
  const drifting = {
    files: { "/run/systemd/system/": "" },
    programs: { "/usr/bin/timedatectl show --property=NTPSynchronized --value": "no\n" },
  };
  expect(await finding("clock", drifting)).toMatchObject({
    status: "warn",
    mend: "timedatectl set-ntp true",
  });
});

describe("engine", () => {
  const facts = (changes: Partial<EngineFacts>): EngineFacts => ({ address: "unix:///x.sock", ...changes });
  const version = (Version: string, Name = "berth") =>
    ({ Version, Platform: { Name } }) as unknown as NonNullable<EngineFacts["version"]>;

  test("one that answers, of this version or another, or Docker's", async () => {
    const reached = (each: string, name?: string) =>
      finding("engine.reached", {}, facts({ version: version(each, name) }));
    expect(await reached(VERSION)).toMatchObject({ status: "ok" });
    expect(await reached("0.0.1")).toMatchObject({ status: "warn" });
    expect(await reached("28.0.1", "Docker Engine - Community")).toMatchObject({ status: "ok" });
  });

  test("one that this user may not use, and one that does not answer", async () => {
    const failure = (code: string) =>
      finding("engine.reached", {}, facts({ failure: { code, message: "m" } }));
    expect(await failure("EACCES")).toMatchObject({
      status: "fail",
      mend: expect.stringContaining("usermod -aG berth"),
    });
    expect(await failure("ECONNREFUSED")).toMatchObject({ status: "warn" });
    expect(await failure("ETIMEDOUT")).toMatchObject({ status: "fail" });
  });

  test("one on another machine: this one's kernel is nothing to it", async () => {
    const found = await diagnose({}, { address: "ssh://far", version: version(VERSION) });
    expect([...found.keys()]).toEqual(["engine.reached", "engine.elsewhere"]);
  });

  test("a socket that everybody may use, plain TCP for all, and what the engine says itself", async () => {
    const status = (mode: number) =>
      ({ host: { status: () => ({ kind: "socket", mode, uid: 0, gid: 7 }) } }) as FakeMachine;
    const local = facts({ socket: "/x.sock", version: version(VERSION) });
    expect(await finding("engine.socket", status(0o666), local)).toMatchObject({ status: "fail" });
    const group = { ...status(0o660), files: { "/etc/group": "berth:x:7:ann,bob\n" } };
    expect(await finding("engine.socket", group, local)).toMatchObject({
      status: "ok",
      text: "/x.sock is for root and group berth (ann, bob)",
    });
    const open = files({ "/etc/berth/daemon.json": '{"hosts": ["tcp://0.0.0.0:2375"], "tls": false}' });
    expect(await finding("engine.plain-tcp", open)).toMatchObject({ status: "fail" });
    const info = { Warnings: ["WARNING: No swap limit support"] } as NonNullable<EngineFacts["info"]>;
    expect(await finding("engine.warning", {}, facts({ version: version(VERSION), info }))).toMatchObject({
      text: "the engine says: No swap limit support",
    });
  });
});

describe("what dead engines have left", () => {
  const left: FakeMachine = {
    files: {
      "/sys/class/net/berth0/": "",
      "/sys/class/net/br-0123456789ab/": "",
      "/sys/fs/cgroup/berth/": "",
    },
    programs: {
      "/usr/sbin/nft list tables": "table inet berth\ntable inet filter\ntable inet berth-0123abcd\n",
    },
  };
  const ids = async (machine: FakeMachine) =>
    [...(await diagnose(machine)).values()]
      .filter(({ id }) => id.startsWith("leftovers"))
      .map(({ id, text }) => [id, text]);

  test("is told when neither engine nor container needs it", async () => {
    expect(await ids(left)).toEqual([
      ["leftovers.rules", "rules of nftables: table inet berth-0123abcd"],
      ["leftovers.bridge", "the bridge berth0"],
      ["leftovers.cgroup", "cgroups called berth"],
    ]);
    const running = { ...left, files: { ...left.files, "/proc/50/cmdline": "berth\0daemon\0-D\0" } };
    expect(await ids(running)).toEqual([["leftovers.rules", "rules of nftables: table inet berth-0123abcd"]]);
    const containers = { ...left, files: { ...left.files, "/proc/60/comm": "conmon\n" } };
    expect(await ids(containers)).toEqual([]);
  });

  test("instances are told apart by their data roots", () => {
    expect(instanceName("/var/lib/berth")).toBe("berth");
    expect(instanceName("/srv/second")).toMatch(/^berth-[0-9a-f]{8}$/);
  });
});

test("the report: headings, reasons, commands; only what is not well; data for programs", () => {
  const sections = [
    {
      name: "Kernel",
      findings: [
        { id: "a", status: "ok", text: "Linux 6.12" },
        { id: "b", status: "fail", text: "no x", why: "because", mend: ["modprobe x"] },
      ],
    },
    { name: "Clock", findings: [{ id: "c", status: "ok", text: "right" }] },
  ] as const;
  const options = { quiet: false, colour: false, width: 80 };
  expect(report(sections, options)).toBe(
    "Kernel\n  ok    Linux 6.12\n  FAIL  no x\n        because\n          modprobe x\n\nClock\n  ok    right\n\n2 ok, 0 warnings, 1 failure\n",
  );
  expect(report(sections, { ...options, quiet: true })).toBe(
    "Kernel\n  FAIL  no x\n        because\n          modprobe x\n\n2 ok, 0 warnings, 1 failure\n",
  );
  expect(reportData(sections)).toMatchObject({
    Summary: { Ok: 2, Failures: 1 },
    Checks: [{ ID: "a" }, { ID: "b", Mend: ["modprobe x"] }, {}],
  });
  expect(countsOf(sections)).toEqual({ ok: 2, warn: 0, fail: 1, skip: 0 });
});
