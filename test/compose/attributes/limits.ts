import { expect } from "bun:test";
import type { HostConfig } from "../../../src/wire/index.ts";
import { asked, created, load, proves, sh, upped, web } from "./bench.ts";

export function limits(): void {
  proves(
    "cpus cpu_shares cpuset mem_limit mem_reservation memswap_limit mem_swappiness oom_kill_disable oom_score_adj pids_limit ulimits.*.single ulimits.*.soft ulimits.*.hard",
    async () => {
      const yaml = web(`cpus: 0.5
cpu_shares: 512
cpuset: "0"
mem_limit: 64m
mem_reservation: 32m
memswap_limit: 64m
mem_swappiness: 10
oom_kill_disable: false
oom_score_adj: 200
pids_limit: 50
ulimits: { nproc: 600, nofile: { soft: 1000, hard: 2000 } }`);
      await upped(load("limits", yaml), async ({ inspect }) => {
        expect((await inspect("web")).HostConfig).toMatchObject({
          NanoCpus: 500_000_000,
          CpuShares: 512,
          CpusetCpus: "0",
          Memory: 64 << 20,
          MemoryReservation: 32 << 20,
          MemorySwap: 64 << 20,
          OomScoreAdj: 200,
          PidsLimit: 50,
          Ulimits: [
            { Name: "nproc", Soft: 600, Hard: 600 },
            { Name: "nofile", Soft: 1000, Hard: 2000 },
          ],
        } satisfies HostConfig);
        expect(
          await sh(
            "limits-web-1",
            "grep 'Max open files' /proc/1/limits | tr -s ' '; cat /proc/1/oom_score_adj; grep Cpus_allowed_list /proc/1/status",
          ),
        ).toBe("Max open files 1000 2000 files \n200\nCpus_allowed_list:\t0");
      });
      const { HostConfig } = await asked("limits", web("oom_kill_disable: true\nmem_swappiness: 10"));
      expect(HostConfig).toMatchObject({ OomKillDisable: true, MemorySwappiness: 10 });
    },
  );

  proves("cpu_period cpu_quota cpu_count cpu_percent cpu_rt_period cpu_rt_runtime", async () => {
    await created(
      load("cpu", web("cpu_period: 50000\ncpu_quota: 25000\ncpu_count: 2\ncpu_percent: 50")),
      async ({ inspect, warnings }) => {
        expect((await inspect("web")).HostConfig).toMatchObject({ CpuPeriod: 50000, CpuQuota: 25000 });
        // Of Windows only: the engine says that it passes them over.
        expect(warnings.join("\n")).toMatch(/CPU count/i);
        expect(warnings.join("\n")).toMatch(/CPU percent/i);
      },
    );
    const { HostConfig } = await asked("cpu", web("cpu_rt_period: 1000000\ncpu_rt_runtime: 5000"));
    expect(HostConfig).toMatchObject({ CpuRealtimePeriod: 1000000, CpuRealtimeRuntime: 5000 });
  });

  const io = [
    "weight",
    "weight_device.path",
    "weight_device.weight",
    ...["read_bps", "read_iops", "write_bps", "write_iops"].flatMap((kind) => [
      `device_${kind}.path`,
      `device_${kind}.rate`,
    ]),
  ];
  proves(io.map((name) => `blkio_config.${name}`).join(" "), async () => {
    const throttle = "[{ path: /dev/null, rate: 2 }]";
    const { HostConfig } = await asked(
      "io",
      web(`blkio_config:
  weight: 300
  weight_device: [{ path: /dev/null, weight: 200 }]
  device_read_bps: [{ path: /dev/null, rate: 1m }]
  device_read_iops: ${throttle}
  device_write_bps: ${throttle}
  device_write_iops: ${throttle}`),
    );
    const throttled = [{ Path: "/dev/null", Rate: 2 }];
    expect(HostConfig).toMatchObject({
      BlkioWeight: 300,
      BlkioWeightDevice: [{ Path: "/dev/null", Weight: 200 }],
      BlkioDeviceReadBps: [{ Path: "/dev/null", Rate: 1 << 20 }],
      BlkioDeviceReadIOps: throttled,
      BlkioDeviceWriteBps: throttled,
      BlkioDeviceWriteIOps: throttled,
    });
  });
}
