import { invalidParameter } from "../../lib/index.ts";
import type { Resources, ThrottleDevice } from "../../wire/index.ts";
import type { DeviceFinder } from "../contract.ts";
import type { OciBlockIo, OciCpu, OciDeviceRule, OciMemory, OciResources, OciThrottleDevice } from "./oci.ts";

/** Microseconds: the period of `--cpus`. */
const CPU_PERIOD_US = 100_000;

/**
 * A container's limits. What the kernel cannot do was taken out before, with a warning (`checkResources`).
 * @throws InvalidParameter for block devices that are not there
 */
export function resolveResources(
  host: Resources,
  finder: DeviceFinder,
  devices: OciDeviceRule[],
): OciResources {
  return defined({
    devices,
    memory: orNothing(memory(host)),
    cpu: orNothing(cpu(host)),
    pids: pids(host),
    blockIO: orNothing(blockIo(host, finder)),
  });
}

function memory(host: Resources): OciMemory {
  return defined({
    limit: positive(host.Memory),
    reservation: positive(host.MemoryReservation),
    swap: host.MemorySwap === -1 ? -1 : positive(host.MemorySwap),
    swappiness: host.MemorySwappiness ?? undefined,
    disableOOMKiller: host.OomKillDisable || undefined,
  });
}

function cpu(host: Resources): OciCpu {
  if ((host.CpuShares ?? 0) < 0) {
    throw invalidParameter(`invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
  const nano = positive(host.NanoCpus);
  return defined({
    shares: positive(host.CpuShares),
    quota: nonZero(host.CpuQuota) ?? (nano && Math.trunc((nano * CPU_PERIOD_US) / 1e9)),
    period: nonZero(host.CpuPeriod) ?? (nano && CPU_PERIOD_US),
    realtimePeriod: nonZero(host.CpuRealtimePeriod),
    realtimeRuntime: nonZero(host.CpuRealtimeRuntime),
    cpus: host.CpusetCpus || undefined,
    mems: host.CpusetMems || undefined,
  });
}

/** Docker's 0 and negative numbers are the runtime's -1. */
function pids(host: Resources): { limit: number } | undefined {
  if (host.PidsLimit === undefined || host.PidsLimit === null) return undefined;
  return { limit: host.PidsLimit > 0 ? host.PidsLimit : -1 };
}

function blockIo(host: Resources, finder: DeviceFinder): OciBlockIo {
  const throttle = (devices: readonly ThrottleDevice[] | null | undefined) =>
    orNothing((devices ?? []).map((device) => throttled(device, finder)));
  const weightDevice = (host.BlkioWeightDevice ?? []).map((device) => ({
    ...blockDevice(device.Path, finder),
    weight: device.Weight ?? 0,
  }));
  return defined({
    weight: positive(host.BlkioWeight),
    weightDevice: orNothing(weightDevice),
    throttleReadBpsDevice: throttle(host.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(host.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(host.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttle(host.BlkioDeviceWriteIOps),
  });
}

function throttled(device: ThrottleDevice, finder: DeviceFinder): OciThrottleDevice {
  return { ...blockDevice(device.Path, finder), rate: device.Rate ?? 0 };
}

function blockDevice(path: string | undefined, finder: DeviceFinder): { major: number; minor: number } {
  const found = finder.find(path ?? "");
  if (!found) throw invalidParameter(`stat ${path}: no such file or directory`);
  const [device] = found;
  if (!device || found.length > 1) throw invalidParameter(`${path} is not a block device`);
  return { major: device.major, minor: device.minor };
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function nonZero(value: number | undefined): number | undefined {
  return value || undefined;
}

/** Leaves out what is `undefined`, so that golden files and runtimes never see it. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function orNothing<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
