import { CGROUPS } from "./checks/cgroups.ts";
import { CLOCK } from "./checks/clock.ts";
import { type EngineFacts, engineChecks } from "./checks/engine.ts";
import { configuredPath } from "./checks/engine-config.ts";
import { KERNEL } from "./checks/kernel.ts";
import { instanceName, LEFTOVERS, runningEngines } from "./checks/leftovers.ts";
import { descriptors, SHARED_LIMITS } from "./checks/limits.ts";
import { NETWORK } from "./checks/network.ts";
import { PROGRAMS } from "./checks/programs.ts";
import { storageChecks } from "./checks/storage.ts";
import { type Check, type Finding, skip } from "./finding.ts";
import type { Host } from "./host.ts";

/** Findings under one heading. */
export interface Section {
  readonly name: string;
  readonly findings: readonly Finding[];
}

/**
 * Looks at everything, all at once; in the order in which a new machine is set up. Where the engine is on another machine,
 * this one's kernel is nothing to it: then only what the engine says counts.
 */
export async function examine(host: Host, facts: EngineFacts): Promise<Section[]> {
  if (facts.socket === undefined) return [await section("Engine", [...engineChecks(facts), elsewhere], host)];
  const dataRoot = facts.info?.DockerRootDir ?? configuredPath(host, "data-root");
  const engine = runningEngines(host).find(({ name }) => name === instanceName(dataRoot));
  const areas: Readonly<Record<string, readonly Check[]>> = {
    Kernel: KERNEL,
    Cgroups: CGROUPS,
    Programs: PROGRAMS,
    Network: NETWORK,
    Storage: storageChecks(dataRoot),
    Limits: [...SHARED_LIMITS, descriptors(engine?.pid)],
    Clock: CLOCK,
    Engine: engineChecks(facts),
    Leftovers: LEFTOVERS,
  };
  return Promise.all(Object.entries(areas).map(([name, checks]) => section(name, checks, host)));
}

async function section(name: string, checks: readonly Check[], host: Host): Promise<Section> {
  const found = await Promise.all(checks.map((check) => attempt(name, check, host)));
  return { name, findings: found.flat() };
}

const elsewhere: Check = () =>
  skip(
    "engine.elsewhere",
    "the engine is on another machine: berth doctor there tells of its kernel, networks and disk",
  );

/** A check that fails by itself is told, and keeps no other from being made. */
async function attempt(area: string, check: Check, host: Host): Promise<readonly Finding[]> {
  try {
    const found = await check(host);
    return found === undefined ? [] : [found].flat();
  } catch (error) {
    const text = `a check could not be made: ${(error as Error).message}`;
    return [{ id: `${area.toLowerCase()}.check`, status: "skip", text }];
  }
}

export interface Counts {
  readonly ok: number;
  readonly warn: number;
  readonly fail: number;
  readonly skip: number;
}

export function countsOf(sections: readonly Section[]): Counts {
  const counts = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for (const { findings } of sections) for (const { status } of findings) counts[status]++;
  return counts;
}
