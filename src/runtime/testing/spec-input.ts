import { CAPABILITIES } from "../../linux/index.ts";
import type { DeviceFinder, HostDevice, HostFacts, SpecInput } from "../contract.ts";
import { processEnvironment } from "../spec/environment.ts";

/** A host on which every test sees the same. */
export const TEST_FACTS: HostFacts = {
  cgroupVersion: 2,
  machine: "x86_64",
  kernelVersion: [6, 1],
  unusableArchitectures: new Set(),
  capabilities: new Set(CAPABILITIES),
  appArmor: false,
  seccomp: true,
  cpuCount: 4,
  memoryBytes: 8 * 2 ** 30,
  hardLimits: new Map([["nofile", 20_000]]),
  limits: {
    memory: true,
    swap: true,
    memoryReservation: true,
    memorySwappiness: true,
    oomKillDisable: true,
    cpuShares: true,
    cpuCfs: true,
    cpuRealtime: true,
    cpuset: true,
    pids: true,
    blkioWeight: true,
    blkioWeightDevice: true,
    blkioThrottle: true,
    cpus: "0-3",
    mems: "0",
  },
  thermalThrottlePaths: ["/sys/devices/system/cpu/cpu0/thermal_throttle"],
};

const device = (path: string, type: "b" | "c", major: number, minor: number, mode = 0o660): HostDevice => ({
  path,
  type,
  major,
  minor,
  mode,
  uid: 0,
  gid: 6,
});

const NULL = device("/dev/null", "c", 1, 3, 0o666);
const DISK = device("/dev/sda", "b", 8, 0);
const SOUND = [
  { ...device("/dev/snd/a", "c", 116, 1), below: "/a" },
  { ...device("/dev/snd/b/c", "c", 116, 2), below: "/b/c" },
];

export const TEST_DEVICES: DeviceFinder = {
  find: (path) => {
    if (path === "/dev/snd") return SOUND;
    if (path === "/etc") return [];
    const found = [NULL, DISK, ...SOUND].find((each) => each.path === path);
    return found && [{ ...found, below: undefined }];
  },
  all: () => [NULL, DISK],
};

export function specInput(over: Partial<SpecInput> = {}): SpecInput {
  return {
    id: "0123456789abcdef",
    config: {},
    host: {},
    args: ["sh", "-c", "true"],
    env: processEnvironment({ hostname: "0123456789ab", tty: false, env: [] }),
    cwd: "/",
    user: { uid: 0, gid: 0, additionalGids: [0, 10], username: "root", home: "/root" },
    hostname: "0123456789ab",
    rootfs: "/run/berth/containers/0123456789abcdef/rootfs",
    readonlyRootfs: false,
    mounts: [],
    namespaces: {
      network: { path: "/proc/4711/fd/9" },
      pid: "new",
      ipc: "new",
      uts: "new",
      cgroup: "new",
      user: "host",
    },
    cgroupParent: "/berth",
    facts: TEST_FACTS,
    devices: TEST_DEVICES,
    ...over,
  };
}
