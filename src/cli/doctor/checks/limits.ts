import { type Check, type Finding, ok, skip, warn } from "../finding.ts";
import { type Host, readNumber } from "../host.ts";

interface Limit {
  readonly id: string;
  readonly sysctl: string;
  readonly least: number;
  readonly what: string;
  readonly why: string;
}

/** Shared by the host and all containers (of one user: the first two). */
const LIMITS: readonly Limit[] = [
  {
    id: "limits.inotify-instances",
    sysctl: "fs.inotify.max_user_instances",
    least: 512,
    what: "programs that watch files",
    why: 'programs in many containers that watch files fail with "too many open files"',
  },
  {
    id: "limits.inotify-watches",
    sysctl: "fs.inotify.max_user_watches",
    least: 65_536,
    what: "watched files",
    why: 'tools of development in containers fail with "no space left on device"',
  },
  {
    id: "limits.pid-max",
    sysctl: "kernel.pid_max",
    least: 65_536,
    what: "processes and threads of the host",
    why: "with many containers no further process or thread can be made",
  },
  {
    id: "limits.files",
    sysctl: "fs.file-max",
    least: 100_000,
    what: "open files of the host",
    why: "with many containers no further file can be opened",
  },
];

function limit({ id, sysctl, least, what, why }: Limit, host: Host): Finding {
  const value = readNumber(host, `/proc/sys/${sysctl.replaceAll(".", "/")}`);
  if (value === undefined) return skip(id, `the kernel does not tell ${sysctl}`);
  if (value >= least) return ok(id, `${what}: ${value} at most`);
  return warn(
    id,
    `${what}: ${value} at most`,
    why,
    `sysctl -w ${sysctl}=${least * 2}`,
    `echo "${sysctl} = ${least * 2}" >> /etc/sysctl.d/90-berth.conf`,
  );
}

const LEAST_DESCRIPTORS = 65_536;

/** Containers cannot have more than the engine may have. @param daemon the engine's process where one is known */
export function descriptors(daemon: number | undefined): Check {
  return (host) => {
    const id = "limits.nofile";
    const text = host.read(`/proc/${daemon ?? "self"}/limits`) ?? "";
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1];
    if (hard === undefined) return skip(id, "/proc does not tell the limit of open files");
    const whose = daemon === undefined ? "open files of a process" : "open files of the engine";
    if (hard === "unlimited" || Number(hard) >= LEAST_DESCRIPTORS) return ok(id, `${whose}: ${hard} at most`);
    return warn(
      id,
      `${whose}: ${hard} at most`,
      "no container can have more, and the engine needs some for each container",
      "# as a service: LimitNOFILE=1048576 in the unit; berth install writes one",
      `ulimit -Hn ${LEAST_DESCRIPTORS} # before berth daemon is started by hand`,
    );
  };
}

export const SHARED_LIMITS: readonly Check[] = [(host) => LIMITS.map((each) => limit(each, host))];
