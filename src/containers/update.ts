import { conflict, EngineError, kindOf, messageOf } from "../lib/index.ts";
import type {
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  HostConfig,
  Resources,
} from "../wire/index.ts";
import { validateRestartPolicy } from "./config/validate-host.ts";
import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";
import { hasPolicy } from "./restart-policy.ts";

/** `docker update`: new limits and restart policy, applied to a live container at once. */
export async function updateContainer(
  context: Context,
  record: ContainerRecord,
  request: ContainerUpdateRequest,
): Promise<ContainerUpdateResponse> {
  const { RestartPolicy: policy, ...wanted } = request;
  if (policy) validateRestartPolicy(policy);
  const { resources, warnings } = context.machine.checkResources(wanted, { update: true });
  // The default of twice the memory is for new containers: here no word means no change.
  const asked: Resources = { ...resources, MemorySwap: wanted.MemorySwap ? resources.MemorySwap : 0 };
  await context.queues.run(record.id, async () => {
    const before = record.host;
    try {
      if (record.state.phase === "removing" || record.state.status === "dead") {
        throw conflict('container is marked for removal and cannot be "update"');
      }
      record.host = updatedHost(record.host, asked, policy);
      await applyToProcess(context, record);
      context.repository.save(record);
    } catch (error) {
      record.host = before;
      throw new EngineError(kindOf(error), `Cannot update container ${record.id}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    await context.repository.durable(record);
    emit(context, record, "update");
  });
  return { Warnings: warnings.length > 0 ? warnings : null };
}

async function applyToProcess(context: Context, record: ContainerRecord): Promise<void> {
  if (!hasProcess(record)) return;
  const runtime = await context.machine.runtimes.get(record.host.Runtime || undefined);
  await runtime.update(record.id, record.host);
}

/** Fields that an update may change; zero and empty mean "as it is". */
const CHANGEABLE = [
  "BlkioWeight",
  "BlkioWeightDevice",
  "BlkioDeviceReadBps",
  "BlkioDeviceWriteBps",
  "BlkioDeviceReadIOps",
  "BlkioDeviceWriteIOps",
  "CpuShares",
  "NanoCpus",
  "CpuPeriod",
  "CpuQuota",
  "CpusetCpus",
  "CpusetMems",
  "Memory",
  "MemorySwap",
  "MemoryReservation",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
] as const satisfies readonly (keyof Resources)[];

/** @throws Conflict in Docker's words */
export function updatedHost(
  host: HostConfig,
  wanted: Resources,
  policy: ContainerUpdateRequest["RestartPolicy"],
): HostConfig {
  checkConflicts(host, wanted);
  const changes = CHANGEABLE.flatMap((field) => {
    const value = wanted[field];
    const says = Array.isArray(value) ? value.length > 0 : Boolean(value);
    return says ? [[field, value]] : [];
  });
  const updated: HostConfig = { ...host, ...Object.fromEntries(changes) };
  if (typeof wanted.PidsLimit === "number") updated.PidsLimit = Math.max(wanted.PidsLimit, 0);
  if (policy?.Name) {
    if (host.AutoRemove && hasPolicy(policy)) {
      throw conflict("Restart policy cannot be updated because AutoRemove is enabled for the container");
    }
    updated.RestartPolicy = policy;
  }
  return updated;
}

function checkConflicts(host: HostConfig, wanted: Resources): void {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0 } = wanted;
  const conflicts: [boolean, string][] = [
    [nano > 0 && (host.CpuPeriod ?? 0) > 0, "Nano CPUs cannot be updated as CPU Period has already been set"],
    [nano > 0 && (host.CpuQuota ?? 0) > 0, "Nano CPUs cannot be updated as CPU Quota has already been set"],
    [period > 0 && (host.NanoCpus ?? 0) > 0, "CPU Period cannot be updated as NanoCPUs has already been set"],
    [quota > 0 && (host.NanoCpus ?? 0) > 0, "CPU Quota cannot be updated as NanoCPUs has already been set"],
  ];
  for (const [clashes, what] of conflicts) if (clashes) throw conflict(`Conflicting options: ${what}`);
  const { Memory: memory = 0, MemorySwap: swap = 0 } = wanted;
  // Docker's, to the letter: also where no limit was set (0), and where swap is unlimited (-1).
  if (memory > 0 && swap === 0 && memory > (host.MemorySwap ?? 0)) {
    throw conflict(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
}
