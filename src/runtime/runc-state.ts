import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What runc keeps of a container in `<root>/<id>/state.json`, as far as we act on it without runc. */
export interface RuncState {
  readonly pid: number;
  readonly startTime: string;
  /** The container has a PID namespace of its own: with its first process all end. */
  readonly ownPids: boolean;
  /** Below every hierarchy's root. */
  readonly cgroup: string;
  readonly hasStartHooks: boolean;
  readonly hasStopHooks: boolean;
  /** Nothing that only runc itself could undo (Intel RDT groups). */
  readonly simple: boolean;
}

interface StateFile {
  readonly init_process_pid?: number;
  readonly init_process_start?: number;
  readonly config?: {
    readonly namespaces?: readonly { readonly type?: string; readonly path?: string }[] | null;
    readonly cgroups?: { readonly path?: string } | null;
    readonly Hooks?: Readonly<Record<string, readonly unknown[] | null>> | null;
    readonly intel_rdt?: unknown;
  };
}

/** `undefined` where runc knows no such container, or has not yet written it down. */
export function readRuncState(root: string, id: string): RuncState | undefined {
  let file: StateFile;
  try {
    file = JSON.parse(readFileSync(join(root, id, "state.json"), "utf8")) as StateFile;
  } catch {
    return undefined;
  }
  const { config, init_process_pid: pid, init_process_start: start } = file;
  const cgroup = config?.cgroups?.path;
  if (!pid || start === undefined || !cgroup) return undefined;
  const pids = config?.namespaces?.find((namespace) => namespace.type === "NEWPID");
  const hooks = (name: string) => (config?.Hooks?.[name]?.length ?? 0) > 0;
  return {
    pid,
    startTime: String(start),
    ownPids: pids !== undefined && !pids.path,
    cgroup,
    hasStartHooks: hooks("poststart"),
    hasStopHooks: hooks("poststop"),
    simple: !config?.intel_rdt,
  };
}
