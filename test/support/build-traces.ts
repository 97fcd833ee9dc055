import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { runCommand, type TestEngine } from "./engine.ts";
import { eventually } from "./suite.ts";

/** Where an engine keeps what builds need only while they run. */
const TRANSIENT = [
  "data/build/work",
  "data/snapshots/writable",
  "data/blobs/ingest",
  "data/blobs/partial",
  "data/tmp",
  "data/trash",
  "exec/builds",
  "exec/runtime",
  "exec/mounts",
  "exec/tmp",
];

/** The steps that run at the moment, by the names of their directories. */
export function runningSteps(engine: TestEngine): string[] {
  return readdirSync(join(engine.root, "exec/builds"));
}

/**
 * Everything that a build which has ended must have taken with it: directories, mounts, network interfaces and namespaces, the
 * cgroups of the steps, processes in them.
 */
export async function buildTraces(engine: TestEngine, steps: readonly string[] = []): Promise<string[]> {
  const directories = TRANSIENT.flatMap((name) => {
    const path = join(engine.root, name);
    return existsSync(path) ? readdirSync(path).map((entry) => `${name}/${entry}`) : [];
  });
  const mounts = readFileSync(`/proc/${engine.pid}/mountinfo`, "utf8")
    .split("\n")
    .filter((line) => line.split(" ")[4]?.startsWith(engine.root) === true)
    // Where the test itself has put the data on a disk of its own.
    .filter((line) => line.split(" ")[4] !== join(engine.root, "data"));
  return [
    ...directories,
    ...mounts,
    ...namespacesOf(engine.pid),
    ...(await portsOf(engine)),
    ...(await cgroupsOf(steps)),
  ];
}

/** Waits until nothing is left of builds, and names what stays. */
export async function expectNoTraces(engine: TestEngine, steps: readonly string[] = []): Promise<void> {
  await eventually(() => buildTraces(engine, steps), []);
}

function namespacesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return target.startsWith("net:") && target !== readlinkSync(`/proc/${pid}/ns/net`) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** Interfaces at the engine's bridge. */
async function portsOf(engine: TestEngine): Promise<string[]> {
  const network = (await (await engine.api("GET", "/networks/bridge")).json()) as {
    Options: Record<string, string>;
  };
  const bridge = network.Options["com.docker.network.bridge.name"]!;
  const { stdout, code, stderr } = await runCommand(["ip", "-o", "link", "show", "master", bridge]);
  if (code !== 0) expect(stderr).toContain("does not exist");
  return stdout.split("\n").filter(Boolean);
}

async function cgroupsOf(steps: readonly string[]): Promise<string[]> {
  if (steps.length === 0) return [];
  const named = steps.flatMap((step, index) => [...(index > 0 ? ["-o"] : []), "-name", `*${step}*`]);
  return (await runCommand(["find", "/sys/fs/cgroup", "-type", "d", ...named])).stdout
    .split("\n")
    .filter(Boolean);
}
