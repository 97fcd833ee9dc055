import { list, map, nil, opt, type Static, struct, Text, Time, Uint } from "./schema.ts";

export const BlkioStatEntrySchema = struct({ major: Uint, minor: Uint, op: Text, value: Uint });
export type BlkioStatEntry = Static<typeof BlkioStatEntrySchema>;

const entries = nil(list(BlkioStatEntrySchema));

export const BlkioStatsSchema = struct({
  io_service_bytes_recursive: entries,
  io_serviced_recursive: entries,
  io_queue_recursive: entries,
  io_service_time_recursive: entries,
  io_wait_time_recursive: entries,
  io_merged_recursive: entries,
  io_time_recursive: entries,
  sectors_recursive: entries,
});
export type BlkioStats = Static<typeof BlkioStatsSchema>;

/** All in nanoseconds. */
export const CpuUsageSchema = struct({
  total_usage: Uint,
  percpu_usage: nil(list(Uint)),
  usage_in_kernelmode: Uint,
  usage_in_usermode: Uint,
});
export type CpuUsage = Static<typeof CpuUsageSchema>;

export const CpuStatsSchema = struct({
  cpu_usage: CpuUsageSchema,
  /** The host's, in nanoseconds: clients divide by it. */
  system_cpu_usage: nil(Uint),
  online_cpus: nil(Uint),
  throttling_data: nil(struct({ periods: Uint, throttled_periods: Uint, throttled_time: Uint })),
});
export type CpuStats = Static<typeof CpuStatsSchema>;

export const MemoryStatsSchema = struct({
  usage: nil(Uint),
  max_usage: nil(Uint),
  /** The lines of `memory.stat`. */
  stats: nil(map(Uint)),
  failcnt: nil(Uint),
  limit: nil(Uint),
  commitbytes: nil(Uint),
  commitpeakbytes: nil(Uint),
  privateworkingset: nil(Uint),
});
export type MemoryStats = Static<typeof MemoryStatsSchema>;

export const NetworkStatsSchema = struct({
  rx_bytes: Uint,
  rx_packets: Uint,
  rx_errors: Uint,
  rx_dropped: Uint,
  tx_bytes: Uint,
  tx_packets: Uint,
  tx_errors: Uint,
  tx_dropped: Uint,
  endpoint_id: nil(Text),
  instance_id: nil(Text),
});
export type NetworkStats = Static<typeof NetworkStatsSchema>;

/** One sample of what a container uses. */
export const ContainerStatsSchema = struct({
  id: opt(Text),
  /** With its leading slash. */
  name: opt(Text),
  os_type: opt(Text),
  read: Time,
  preread: Time,
  cpu_stats: CpuStatsSchema,
  precpu_stats: CpuStatsSchema,
  memory_stats: MemoryStatsSchema,
  /** Interface name → counters. */
  networks: nil(map(NetworkStatsSchema)),
  pids_stats: struct({ current: nil(Uint), limit: nil(Uint) }),
  blkio_stats: BlkioStatsSchema,
  num_procs: Uint,
  storage_stats: struct({
    read_count_normalized: nil(Uint),
    read_size_bytes: nil(Uint),
    write_count_normalized: nil(Uint),
    write_size_bytes: nil(Uint),
  }),
});
export type ContainerStats = Static<typeof ContainerStatsSchema>;
