import type { DeviceMapping, DeviceRequest, Resources, Ulimit } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import type { Service } from "../model/index.ts";

/** What the service's containers may use: its own attributes, and over them those of `deploy`. */
export function resources(service: NamedService): Resources {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const { devices, cdi } = deviceMappings(service);
  const pids = (limits?.pids ?? 0) > 0 ? limits!.pids : service.pids_limit;
  return {
    CgroupParent: service.cgroup_parent ?? "",
    Memory: limits?.memory || service.mem_limit || 0,
    MemoryReservation: reservations?.memory || service.mem_reservation || 0,
    MemorySwap: service.memswap_limit ?? 0,
    ...(service.mem_swappiness === undefined ? {} : { MemorySwappiness: service.mem_swappiness }),
    OomKillDisable: service.oom_kill_disable ?? false,
    CpuCount: service.cpu_count ?? 0,
    CpuPercent: single(service.cpu_percent, 100),
    CpuPeriod: service.cpu_period ?? 0,
    CpuQuota: service.cpu_quota ?? 0,
    CpuRealtimePeriod: service.cpu_rt_period ?? 0,
    CpuRealtimeRuntime: service.cpu_rt_runtime ?? 0,
    CpuShares: service.cpu_shares ?? 0,
    NanoCpus: single(limits?.cpus || service.cpus, 1e9),
    CpusetCpus: service.cpuset ?? "",
    ...(pids ? { PidsLimit: pids } : {}),
    ...blockIo(service.blkio_config),
    DeviceCgroupRules: service.device_cgroup_rules ?? null,
    Devices: devices,
    DeviceRequests: deviceRequests(service, cdi),
    Ulimits: ulimits(service.ulimits),
  };
}

/** Compose keeps these in 32 bits, so that 0.3 CPUs are exactly 300 000 000 billionths. */
function single(value: number | undefined, factor: number): number {
  return Math.trunc(Math.fround(Math.fround(value ?? 0) * factor));
}

function ulimits(limits: Service["ulimits"]): Ulimit[] {
  return Object.entries(limits ?? {}).map(([Name, { single: both = 0, soft, hard }]) => ({
    Name,
    Soft: soft || both,
    Hard: hard || both,
  }));
}

function blockIo(config: Service["blkio_config"]): Resources {
  if (config === undefined || config === null) return {};
  const throttled = (devices: { path?: string; rate?: number }[] = []) =>
    devices.map(({ path, rate }) => ({ Path: path ?? "", Rate: rate ?? 0 }));
  return {
    BlkioWeight: config.weight ?? 0,
    BlkioWeightDevice: (config.weight_device ?? []).map(({ path, weight }) => ({
      Path: path ?? "",
      Weight: weight ?? 0,
    })),
    BlkioDeviceReadBps: throttled(config.device_read_bps),
    BlkioDeviceReadIOps: throttled(config.device_read_iops),
    BlkioDeviceWriteBps: throttled(config.device_write_bps),
    BlkioDeviceWriteIOps: throttled(config.device_write_iops),
  };
}

/** `vendor.example/class=device`: a name of the Container Device Interface, no path. */
const CDI_NAME =
  /^[A-Za-z](?:[\w.-]*[A-Za-z0-9])?\/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?=[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/;

function deviceMappings(service: NamedService): { devices: DeviceMapping[]; cdi: string[] } {
  const devices: DeviceMapping[] = [];
  const cdi: string[] = [];
  for (const { source, target = source, permissions } of service.devices ?? []) {
    if (source === target && CDI_NAME.test(source)) cdi.push(source);
    else
      devices.push({
        PathOnHost: source,
        PathInContainer: target,
        CgroupPermissions: permissions ?? "",
      });
  }
  return { devices, cdi };
}

function deviceRequests(service: NamedService, cdi: readonly string[]): DeviceRequest[] | null {
  const reserved = service.deploy?.resources?.reservations?.devices ?? [];
  const gpus = (service.gpus ?? []).map((gpu) => ({
    ...gpu,
    capabilities: [...(gpu.capabilities ?? []), "gpu"],
  }));
  const request = ({ capabilities, driver, count, device_ids, options }: (typeof gpus)[number]) => ({
    Driver: driver ?? "",
    Count: count ?? 0,
    DeviceIDs: device_ids ?? null,
    Capabilities: [capabilities],
    Options: options ?? null,
  });
  const requests = [
    ...reserved.map(request),
    ...(cdi.length > 0 ? [{ Driver: "cdi", Count: 0, DeviceIDs: [...cdi] }] : []),
    ...gpus.map(request),
  ];
  return requests.length === 0 ? null : requests;
}
