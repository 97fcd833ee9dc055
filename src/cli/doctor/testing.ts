import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { EngineFacts } from "./checks/engine.ts";
import { examine } from "./doctor.ts";
import type { Finding } from "./finding.ts";
import type { Host } from "./host.ts";
import { realHost } from "./real-host.ts";

/** A machine of a test's own. */
export interface FakeMachine {
  /** Texts by path; `null` takes a file of the healthy machine away. A path that ends with `/` is a folder. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** What programs print, by path and arguments: `/usr/sbin/nft list chains`. Only these are installed. */
  readonly programs?: Readonly<Record<string, string | null>>;
  readonly host?: Partial<Host>;
}

/** A machine on which all is well. */
const FILES: Readonly<Record<string, string>> = {
  "/proc/sys/kernel/osrelease": "6.12.5-amd64\n",
  ...Object.fromEntries(
    ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"].map((name) => [`/proc/self/ns/${name}`, ""]),
  ),
  "/proc/sys/user/max_user_namespaces": "15000\n",
  "/proc/filesystems": "nodev\tproc\nnodev\toverlay\n\text4\n\terofs\n",
  "/proc/sys/kernel/seccomp/actions_avail":
    "kill_process kill_thread trap errno user_notif trace log allow\n",
  "/proc/self/mountinfo":
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n26 22 0:24 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
  "/sys/fs/cgroup/cgroup.subtree_control": "cpuset cpu io memory hugetlb pids\n",
  ...Object.fromEntries(
    ["bridge", "veth", "nf_tables", "nf_conntrack"].map((name) => [`/sys/module/${name}/`, ""]),
  ),
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/etc/resolv.conf": "# by hand\nnameserver 192.0.2.53\n",
  "/proc/sys/fs/inotify/max_user_instances": "8192\n",
  "/proc/sys/fs/inotify/max_user_watches": "524288\n",
  "/proc/sys/fs/file-max": "9223372036854775807\n",
  "/proc/sys/kernel/pid_max": "4194304\n",
  "/proc/self/limits":
    "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 1048576              files\n",
  "/usr/lib/x86_64-linux-gnu/libnftables.so.1": "",
};

const PROGRAMS: Readonly<Record<string, string>> = {
  "/usr/bin/apt-get": "",
  "/usr/bin/crun --version": "crun version 1.14\ncommit: x\n",
  "/usr/sbin/runc --version": "runc version 1.3.3\ncommit: x\n",
  "/usr/bin/conmon --version": "conmon version 2.1.12\n",
  "/usr/sbin/nft --version": "nftables v1.0.6 (Lester Gooch #5)\n",
  "/usr/sbin/nft list chains": "",
  "/usr/sbin/nft list tables": "",
  "/usr/bin/tini": "",
  "/usr/bin/ps": "",
  "/usr/bin/git": "",
  "/usr/bin/ip": "",
};

const NO_ENGINE: EngineFacts = {
  address: "unix:///var/run/berth.sock",
  socket: "/var/run/berth.sock",
  failure: { code: "ENOENT", message: "no such file" },
};

const NOW = new Date("2026-05-01T12:00:00Z");

/** Examines a machine that differs in this from one on which all is well. @returns findings by their id */
export async function diagnose(
  { files = {}, programs = {}, host = {} }: FakeMachine,
  facts: EngineFacts = NO_ENGINE,
): Promise<Map<string, Finding>> {
  const root = mkdtempSync(join(tmpdir(), "berth-doctor-"));
  const installed = { ...PROGRAMS, ...programs };
  try {
    for (const [path, text] of Object.entries({ ...FILES, ...files })) write(join(root, path), text);
    for (const [command, text] of Object.entries(installed)) {
      if (text !== null) writeFileSync(prepared(join(root, command.split(" ")[0]!)), "", { mode: 0o755 });
    }
    const machine: Host = {
      ...realHost(root),
      uid: 0,
      groups: [0],
      now: NOW,
      space: () => ({ totalBytes: 1e12, freeBytes: 5e11, totalInodes: 1e7, freeInodes: 9e6 }),
      run: async (path, args) => {
        const stdout = installed[[path, ...args].join(" ")];
        return stdout == null ? { code: 1, stdout: "", stderr: "failed\n" } : { code: 0, stdout, stderr: "" };
      },
      ...host,
    };
    const sections = await examine(machine, facts);
    return new Map(sections.flatMap(({ findings }) => findings).map((finding) => [finding.id, finding]));
  } finally {
    rmSync(root, { recursive: true });
  }
}

function write(path: string, text: string | null): void {
  if (text === null) return;
  if (path.endsWith("/")) mkdirSync(path, { recursive: true });
  else writeFileSync(prepared(path), text);
}

function prepared(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return path;
}
