import type { ContainerUpdateRequest } from "../../wire/index.ts";
import { describeError, ExitError } from "../errors.ts";
import { bytes, int, string, uint } from "../flags.ts";
import { cpus, parseRestartPolicy } from "../options/resources.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Change what containers may use, and their restart policy",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: atLeast(1),
  complete: "all-containers",
  flags: {
    "blkio-weight": uint("Weight for block IO, 10 to 1000, or 0 for none", 16),
    "cpu-period": int("Period of the CPU scheduler, in microseconds"),
    "cpu-quota": int("CPU time a period, in microseconds"),
    "cpu-rt-period": int("Period of the real-time scheduler, in microseconds"),
    "cpu-rt-runtime": int("Real-time CPU time a period, in microseconds"),
    "cpu-shares": int("Weight for CPU time", { short: "c" }),
    cpus: cpus("Number of CPUs"),
    "cpuset-cpus": string("CPUs to run on (0-3, 0,1)"),
    "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
    "kernel-memory": bytes("Limit of kernel memory", { hidden: true }),
    memory: bytes("Limit of memory", { short: "m" }),
    "memory-reservation": bytes("Memory to keep where the host runs short"),
    "memory-swap": bytes("Limit of memory and swap together; -1: unlimited swap", { unlimited: true }),
    "pids-limit": int("Limit of processes; -1: unlimited"),
    restart: string("What happens when the container ends", {
      complete: ["no", "always", "on-failure", "unless-stopped"],
    }),
  },
  async run({ cli, args, flags, changed }) {
    if (!Object.keys(flags).some((name) => changed(name as keyof typeof flags))) {
      throw new Error("you must provide one or more flags when using this command");
    }
    const changes: ContainerUpdateRequest = {
      BlkioWeight: flags["blkio-weight"],
      CpusetCpus: flags["cpuset-cpus"],
      CpusetMems: flags["cpuset-mems"],
      CpuShares: flags["cpu-shares"],
      Memory: flags.memory,
      MemoryReservation: flags["memory-reservation"],
      MemorySwap: flags["memory-swap"],
      KernelMemory: flags["kernel-memory"],
      CpuPeriod: flags["cpu-period"],
      CpuQuota: flags["cpu-quota"],
      CpuRealtimePeriod: flags["cpu-rt-period"],
      CpuRealtimeRuntime: flags["cpu-rt-runtime"],
      NanoCpus: flags.cpus,
      RestartPolicy: parseRestartPolicy(flags.restart),
      ...(flags["pids-limit"] !== 0 && { PidsLimit: flags["pids-limit"] }),
    };
    const { containers } = await cli.engine();
    const warnings: string[] = [];
    const errors: string[] = [];
    for (const ref of args) {
      try {
        warnings.push(...((await containers.update(ref, changes)).Warnings ?? []));
        cli.line(ref);
      } catch (error) {
        errors.push(describeError(error));
      }
    }
    if (warnings.length > 0) cli.line(warnings.join("\n"));
    if (errors.length > 0) throw new ExitError(1, errors.join("\n"));
  },
});
