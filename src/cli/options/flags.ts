import type { DeviceRequest, Mount, ThrottleDevice, Ulimit, WeightDevice } from "../../wire/index.ts";
import { bool, bytes, type Flag, type Flags, int, list, map, string, uint } from "../flags.ts";
import {
  checkAddress,
  checkAttach,
  checkExtraHost,
  checkLabel,
  checkLink,
  checkSearchDomain,
  checkSysctl,
} from "./checks.ts";
import { checkDeviceRule, parseGpus } from "./devices.ts";
import { checkEnv } from "./environment.ts";
import { HEALTH_FLAGS } from "./health.ts";
import { parseMount } from "./mounts.ts";
import { type NetworkFlag, parseNetwork } from "./networks.ts";
import { cpus, parseBytesRate, parseOperationsRate, parseUlimit, parseWeightDevice } from "./resources.ts";

/** A flag that may be given several times, each time a thing of its own. */
function several<T>(type: string, description: string, parse: (text: string) => T): Flag<readonly T[]> {
  return { type, description, initial: [], take: (text, before) => [...before, parse(text)] };
}

/** What the process is, and how the client is joined to it. */
const PROCESS_FLAGS = {
  attach: list("Attach to stdin, stdout or stderr only", {
    short: "a",
    check: checkAttach,
    complete: ["stdin", "stdout", "stderr"],
  }),
  cidfile: string("File to write the container's id to", { complete: "files" }),
  "disable-content-trust": bool("Do not verify the image's signature", { initial: true }),
  entrypoint: string("Program to run instead of the image's entrypoint"),
  env: list("Set a variable of the environment", {
    short: "e",
    check: (text) => checkEnv(text),
    complete: "environment",
  }),
  "env-file": list("Read variables of the environment from a file", { complete: "files" }),
  init: bool("Run an init that passes signals on and reaps processes"),
  interactive: bool("Keep stdin open, also where nobody is attached", { short: "i" }),
  label: list("Give the container a label", { short: "l", check: checkLabel }),
  "label-file": list("Read labels from a file", { complete: "files" }),
  name: string("Name of the container"),
  platform: string("Platform of the image (os[/arch[/variant]])"),
  quiet: bool("Show nothing of a pull", { short: "q" }),
  restart: string("What happens when the container ends", {
    initial: "no",
    complete: ["no", "always", "on-failure", "unless-stopped"],
  }),
  rm: bool("Remove the container and its anonymous volumes when it ends"),
  "stop-signal": string("Signal that stops the container", { complete: "signals" }),
  "stop-timeout": int("Seconds that the container has to stop before it is killed"),
  tty: bool("Give the container a terminal", { short: "t" }),
  "use-api-socket": bool("Mount the engine's socket and the registries' credentials into the container"),
  user: string("User or uid, and group or gid (user[:group])", { short: "u" }),
  workdir: string("Working directory in the container", { short: "w" }),
} satisfies Flags;

const NETWORK_FLAGS = {
  "add-host": list("Add a host to /etc/hosts (host:ip)", { check: checkExtraHost }),
  dns: list("Use this DNS server", { check: checkAddress }),
  "dns-opt": list("Set an option of the resolver", { hidden: true }),
  "dns-option": list("Set an option of the resolver"),
  "dns-search": list("Search names in this domain", { check: checkSearchDomain }),
  domainname: string("NIS domain name"),
  expose: list("Expose a port or a range of ports"),
  hostname: string("Host name", { short: "h" }),
  ip: string("IPv4 address (e.g. 172.30.100.104)"),
  ip6: string("IPv6 address (e.g. 2001:db8::33)"),
  link: list("Link to another container (name[:alias])", { check: checkLink, complete: "all-containers" }),
  "link-local-ip": list("Link-local address"),
  "mac-address": string("MAC address (e.g. 92:d0:c6:0a:29:33)"),
  net: { ...several<NetworkFlag>("network", "Connect to a network", parseNetwork), hidden: true },
  "net-alias": list("Name on the network", { hidden: true }),
  network: {
    ...several<NetworkFlag>("network", "Connect to a network, or none, host, container:NAME", parseNetwork),
    complete: "networks",
  },
  "network-alias": list("Name on the network"),
  publish: list("Publish a port ([[address:]host:]container[/protocol])", { short: "p" }),
  "publish-all": bool("Publish all exposed ports on free ports", { short: "P" }),
} satisfies Flags;

const STORAGE_FLAGS = {
  "log-driver": string("Where the output goes"),
  "log-opt": list("Option of the log driver (key=value)"),
  mount: several<Mount>("mount", "Mount a file system (type=…,source=…,target=…)", parseMount),
  "read-only": bool("Make the root file system read-only"),
  "storage-opt": list("Option of the storage driver (key=value)"),
  tmpfs: list("Mount a tmpfs (path[:options])"),
  volume: list("Mount a folder or a volume ([source:]target[:options])", { short: "v", complete: "files" }),
  "volume-driver": string("Driver for the container's volumes"),
  "volumes-from": list("Mount the volumes of another container", { complete: "all-containers" }),
} satisfies Flags;

const RESOURCE_FLAGS = {
  "blkio-weight": uint("Weight for block IO, 10 to 1000, or 0 for none", 16),
  "blkio-weight-device": several<WeightDevice>(
    "list",
    "Weight for block IO on a device (device:weight)",
    parseWeightDevice,
  ),
  "cpu-count": int("Number of CPUs", { windows: true }),
  "cpu-percent": int("Percentage of the CPUs", { windows: true }),
  "cpu-period": int("Period of the CPU scheduler, in microseconds"),
  "cpu-quota": int("CPU time a period, in microseconds"),
  "cpu-rt-period": int("Period of the real-time scheduler, in microseconds"),
  "cpu-rt-runtime": int("Real-time CPU time a period, in microseconds"),
  "cpu-shares": int("Weight for CPU time", { short: "c" }),
  cpus: cpus("Number of CPUs"),
  "cpuset-cpus": string("CPUs to run on (0-3, 0,1)"),
  "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
  "device-read-bps": several<ThrottleDevice>(
    "list",
    "Limit reads from a device, in bytes a second",
    parseBytesRate,
  ),
  "device-read-iops": several<ThrottleDevice>(
    "list",
    "Limit reads from a device, in operations a second",
    parseOperationsRate,
  ),
  "device-write-bps": several<ThrottleDevice>(
    "list",
    "Limit writes to a device, in bytes a second",
    parseBytesRate,
  ),
  "device-write-iops": several<ThrottleDevice>(
    "list",
    "Limit writes to a device, in operations a second",
    parseOperationsRate,
  ),
  gpus: several<DeviceRequest>("gpu-request", "GPUs to give to the container ('all' for all)", parseGpus),
  "io-maxbandwidth": bytes("Limit of IO bandwidth", { windows: true }),
  "io-maxiops": uint("Limit of IO operations", 64, { windows: true }),
  "kernel-memory": bytes("Limit of kernel memory"),
  memory: bytes("Limit of memory", { short: "m" }),
  "memory-reservation": bytes("Memory to keep where the host runs short"),
  "memory-swap": bytes("Limit of memory and swap together; -1: unlimited swap", { unlimited: true }),
  "memory-swappiness": int("How readily memory is swapped, 0 to 100", { initial: -1 }),
  "oom-kill-disable": bool("Do not kill the container where memory runs out"),
  "oom-score-adj": int("How readily it is killed where the host's memory runs out (-1000 to 1000)"),
  "pids-limit": int("Limit of processes; -1: unlimited"),
  "shm-size": bytes("Size of /dev/shm"),
  ulimit: several<Ulimit>("ulimit", "Set a limit of the process (name=soft[:hard])", parseUlimit),
} satisfies Flags;

const ISOLATION_FLAGS = {
  annotation: map("Annotation for the OCI runtime (key=value)"),
  "cap-add": list("Add a capability"),
  "cap-drop": list("Drop a capability"),
  "cgroup-parent": string("Parent of the container's cgroup"),
  cgroupns: string("cgroup namespace: host or private", { complete: ["host", "private"] }),
  device: list("Add a device of the host, or a CDI device"),
  "device-cgroup-rule": list("Add a rule to the list of allowed devices", { check: checkDeviceRule }),
  "group-add": list("Join another group"),
  ipc: string("IPC namespace"),
  isolation: string("Isolation technology"),
  pid: string("PID namespace"),
  privileged: bool("Give the container all of the host's powers"),
  runtime: string("OCI runtime"),
  "security-opt": list("Security option"),
  sysctl: map("Set a kernel parameter (key=value)", { check: checkSysctl }),
  userns: string("User namespace"),
  uts: string("UTS namespace"),
} satisfies Flags;

/** Everything that `run` and `create` both know of a container. */
export const CONTAINER_FLAGS = {
  ...PROCESS_FLAGS,
  ...NETWORK_FLAGS,
  ...STORAGE_FLAGS,
  ...RESOURCE_FLAGS,
  ...ISOLATION_FLAGS,
  ...HEALTH_FLAGS,
} satisfies Flags;
