import { realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { EngineError, kindOf, messageOf } from "../lib/index.ts";
import {
  bindMount,
  CAPABILITIES,
  closeDescriptor,
  isAlive,
  listMounts,
  mount,
  mountPropagation,
  mountsBelow,
  mountTmpfs,
  openRoot,
  parseSignal,
  type RootDir,
  sendSignal,
  statDescriptor,
  unmount,
} from "../linux/index.ts";
import {
  appArmorProfile,
  buildSpec,
  checkResources,
  containerStats,
  DEFAULT_READONLY_PATHS,
  defaultMaskedPaths,
  ExitWatcher,
  findInit,
  type HostFacts,
  hostDevices,
  needsCdi,
  networkCounters,
  normalizeCapabilities,
  type OciRuntimes,
  openInput,
  parseSecurityOptions,
  processEnvironment,
  processes,
  readCdiRegistry,
  reopenLog,
  resizeTerminal,
  resolveUser,
} from "../runtime/index.ts";
import type { HostConfig } from "../wire/index.ts";
import type { Machine } from "./machine.ts";

export interface LinuxMachineOptions {
  readonly runtimes: OciRuntimes;
  readonly facts: HostFacts;
  readonly execRoot: string;
  /** daemon.json's `init-path`. */
  readonly initPath?: string;
}

/** mount(2) */
const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;

const O_PATH = 0o10000000;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_WRONLY = 1;

/** The machine as it is. */
export function linuxMachine(options: LinuxMachineOptions): Machine {
  const { facts, runtimes, execRoot } = options;
  const [major, minor] = facts.kernelVersion;
  return {
    runtimes,
    cgroupVersion: facts.cgroupVersion,
    hostname: hostname(),
    // mount_setattr(2) came with Linux 5.12.
    recursiveReadOnly: major > 5 || (major === 5 && minor >= 12),
    maskedPaths: defaultMaskedPaths(facts.thermalThrottlePaths),
    readonlyPaths: [...DEFAULT_READONLY_PATHS],
    initPath: () => findInit(options.initPath),
    checkResources: (resources, { update }) => checkResources(resources, facts, { update }),
    checkSecurity: (host) => checkSecurity(host, facts),
    appArmorProfile: (host) => appArmorProfile(host, facts),
    async buildSpec(input) {
      const { DeviceRequests: requests } = input.host;
      const cdi = needsCdi(requests) ? await readCdiRegistry() : undefined;
      return buildSpec({ ...input, facts, devices: hostDevices, ...(cdi === undefined ? {} : { cdi }) });
    },
    resolveUser,
    environment: processEnvironment,
    watchExits: (onExit, onOutOfMemory) => new ExitWatcher(execRoot, onExit, { onOutOfMemory }),
    openInput,
    resizeTerminal,
    reopenLog,
    stats: containerStats,
    networkCounters,
    pids: processes,
    ps,
    isAlive,
    killProcess: sendSignal,
    parseSignal,
    openRoot,
    closeDescriptor,
    bindInto,
    bindMount: (source, target) => bindMount(source, target, { recursive: true }),
    mountTmpfs,
    detach: (target) => unmount(target, { lazy: true }),
    mountsBelow: (path) => mountsBelow(path).map(({ target }) => target),
    mountOf,
    holdPath,
  };
}

/** What it returns are warnings: of what the machine has no use for. @throws InvalidParameter */
export function checkSecurity(
  host: HostConfig,
  facts: Pick<HostFacts, "appArmor" | "capabilities">,
): string[] {
  const { apparmor, labels } = parseSecurityOptions(host.SecurityOpt);
  const known = { names: CAPABILITIES, available: facts.capabilities };
  for (const field of ["CapAdd", "CapDrop"] as const) {
    try {
      normalizeCapabilities(host[field] ?? [], known);
    } catch (error) {
      throw new EngineError(kindOf(error), `invalid ${field}: ${messageOf(error)}`, { cause: error });
    }
  }
  const warnings: string[] = [];
  if (apparmor && apparmor !== "unconfined" && !facts.appArmor) {
    warnings.push(
      `Your kernel does not support AppArmor or it is not enabled. Profile ${apparmor} discarded.`,
    );
  }
  for (const label of labels.filter((one) => one !== "disable")) {
    warnings.push(`SELinux labels of processes are not supported. Label ${label} discarded.`);
  }
  return warnings;
}

/** Milliseconds; on a busy machine ps reads thousands of files. */
const PS_LIMIT_MS = 10_000;
const PS_OUTPUT_BYTES = 8 << 20;

async function ps(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = ["/usr/bin/ps", "/bin/ps"].find((path) => statSync(path, { throwIfNoEntry: false }));
  if (program === undefined) return { code: 127, stdout: "", stderr: "ps is not installed on this host" };
  const child = Bun.spawn([program, ...args], {
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", COLUMNS: "4096" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PS_LIMIT_MS,
    killSignal: "SIGKILL",
    maxBuffer: PS_OUTPUT_BYTES,
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

function mountOf(path: string): { mountPoint: string; propagation: string } {
  const real = realpathSync(path);
  const holders = listMounts().filter(
    ({ target }) => target === "/" || real === target || real.startsWith(`${target}/`),
  );
  const holder = holders.reduce((best, one) => (one.target.length >= best.target.length ? one : best));
  return { mountPoint: holder.target, propagation: mountPropagation(path) };
}

/**
 * Looked up in the root and then held, so that what is mounted on is what was found, whoever changes links
 * meanwhile.
 */
function bindInto(
  root: RootDir,
  path: string,
  source: string,
  { recursive, readOnly }: { recursive: boolean; readOnly: boolean },
): void {
  if (!root.exists(path)) makeMountPoint(root, path, statSync(source).isDirectory());
  withHeld(root, path, (held) => bindMount(source, held, { recursive }));
  if (!readOnly) return;
  // The same path now leads to the mount itself, which a remount must be given.
  withHeld(root, path, (held) => mount("", held, "", MS_REMOUNT | MS_BIND | MS_RDONLY));
}

function makeMountPoint(root: RootDir, path: string, directory: boolean): void {
  if (directory) {
    root.mkdirAll(path, 0o755);
    return;
  }
  root.mkdirAll(dirname(path), 0o755);
  closeDescriptor(root.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o755));
}

function withHeld(root: RootDir, path: string, work: (heldPath: string) => void): void {
  const descriptor = root.open(path, O_PATH);
  try {
    work(`/proc/self/fd/${descriptor}`);
  } finally {
    closeDescriptor(descriptor);
  }
}

function holdPath(root: RootDir, path: string) {
  const descriptor = root.open(path, O_PATH);
  return {
    path: `/proc/self/fd/${descriptor}`,
    isDirectory: statDescriptor(descriptor).kind === "directory",
    [Symbol.dispose]: () => closeDescriptor(descriptor),
  };
}
