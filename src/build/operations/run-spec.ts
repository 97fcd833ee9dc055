import { posix } from "node:path";
import {
  buildSpec,
  type HostFacts,
  hostDevices,
  mergeEnvironment,
  type OciSpec,
  type ResolvedUser,
  type SpecInput,
  type SpecMount,
} from "../../runtime/index.ts";
import type { HostConfig, Ulimit } from "../../wire/index.ts";
import type { StepNetwork } from "../ports.ts";
import type { RunSettings, Work } from "../solve/contract.ts";

/** What the daemon's configuration says of all containers. */
export interface RunDefaults {
  readonly facts: HostFacts;
  /** `/berth` */
  readonly cgroupParent: string;
  readonly ulimits?: SpecInput["defaultUlimits"];
  readonly shmSizeBytes?: number | undefined;
  /** The profile's text; undefined: the built-in one. */
  readonly seccompProfile?: string | undefined;
  readonly noNewPrivileges?: boolean;
}

export interface SpecParts {
  readonly id: string;
  readonly rootfs: string;
  readonly user: ResolvedUser;
  readonly mounts: readonly SpecMount[];
  /** Beside the operation's own. */
  readonly environment: readonly string[];
  readonly network: StepNetwork;
}

/** BuildKit's. */
export const DEFAULT_HOSTNAME = "buildkitsandbox";
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A step's process is confined exactly as a container's is. @throws EngineError for wishes that cannot be had */
export function specOfRun(
  { operation, context: { run } }: Pick<Work<"run">, "operation" | "context">,
  parts: SpecParts,
  defaults: RunDefaults,
): OciSpec {
  const { args, env, directory } = operation;
  const { id, rootfs, user, mounts, environment, network } = parts;
  const ours = [`PATH=${DEFAULT_PATH}`, ...Array.from(run.proxies, ([name, value]) => `${name}=${value}`)];
  return buildSpec({
    id,
    config: {},
    host: hostConfigOf(run, defaults),
    args,
    env: [
      ...mergeEnvironment(
        ours,
        env.map(([name, value]) => `${name}=${value}`),
      ),
      ...environment,
    ],
    cwd: directory,
    user,
    hostname: run.hostname ?? DEFAULT_HOSTNAME,
    rootfs,
    readonlyRootfs: false,
    mounts,
    namespaces: {
      network: network.namespace === undefined ? "host" : { path: network.namespace.path },
      pid: "new",
      ipc: "new",
      uts: "new",
      cgroup: defaults.facts.cgroupVersion === 2 ? "new" : "host",
      user: "host",
    },
    cgroupParent: cgroupParentOf(run, defaults),
    ...(defaults.seccompProfile === undefined ? {} : { seccompProfile: defaults.seccompProfile }),
    ...(defaults.ulimits === undefined ? {} : { defaultUlimits: defaults.ulimits }),
    ...(defaults.shmSizeBytes === undefined ? {} : { defaultShmSizeBytes: defaults.shmSizeBytes }),
    facts: defaults.facts,
    devices: hostDevices,
  });
}

function hostConfigOf(run: RunSettings, { noNewPrivileges }: RunDefaults): HostConfig {
  const given = {
    ShmSize: run.shmSizeBytes,
    Memory: run.memoryBytes,
    MemorySwap: run.memorySwapBytes,
    CpuShares: run.cpuShares,
    CpuPeriod: run.cpuPeriod,
    CpuQuota: run.cpuQuota,
    CpusetCpus: run.cpusetCpus,
    CpusetMems: run.cpusetMems,
    Ulimits: run.ulimits.length > 0 ? run.ulimits.map((limit): Ulimit => ({ ...limit })) : undefined,
    SecurityOpt: noNewPrivileges ? ["no-new-privileges"] : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as HostConfig;
}

/** Absolute below each hierarchy's root, whatever the request says. */
function cgroupParentOf({ cgroupParent }: RunSettings, defaults: RunDefaults): string {
  if (cgroupParent === undefined || cgroupParent === "") return defaults.cgroupParent;
  return posix.normalize(`/${cgroupParent}`).replace(/(?<=.)\/$/, "");
}
