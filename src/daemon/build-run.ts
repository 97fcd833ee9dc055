import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type RunMachine,
  RunOperation,
  type RunParts,
  type StepNetworks,
  sweepRuns,
} from "../build/index.ts";
import type { ContainerDefaults } from "../containers/index.ts";
import type { HostFacts, OciRuntimes } from "../runtime/index.ts";

export interface RunRooms {
  readonly runtimes: OciRuntimes;
  readonly facts: HostFacts;
  readonly networks: StepNetworks;
  readonly execRoot: string;
  /** What the daemon's configuration says of all containers: steps of builds are confined as they are. */
  readonly defaults: ContainerDefaults;
}

/** `RUN` on this machine. What an earlier daemon left running is ended. */
export async function openRuns(rooms: RunRooms): Promise<(parts: RunParts) => RunOperation> {
  const { runtimes, facts, networks, execRoot, defaults } = rooms;
  const directory = join(execRoot, "builds");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const machine: RunMachine = {
    runtime: () => runtimes.get(undefined),
    networks,
    directory,
    defaults: {
      facts,
      cgroupParent: defaults.cgroupParent,
      ulimits: defaults.ulimits,
      shmSizeBytes: defaults.shmSize,
      seccompProfile: defaults.seccompProfile,
      noNewPrivileges: defaults.noNewPrivileges,
    },
  };
  await sweepRuns(machine);
  return (parts) => new RunOperation(machine, parts);
}
