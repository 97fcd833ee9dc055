import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a runtime keeps of a container in `<root>/<id>`, as far as we act on it without starting the runtime. */
export interface KnownState {
  readonly pid: number;
  readonly startTime: string;
  /** The container has a PID namespace of its own: with its first process all end. */
  readonly ownPids: boolean;
  /** Below every hierarchy's root. */
  readonly cgroup: string;
  readonly hasStartHooks: boolean;
  readonly hasStopHooks: boolean;
  /** Nothing that only the runtime itself could undo (Intel RDT groups). */
  readonly simple: boolean;
}

/** Reads a runtime's notes; `undefined` where it knows no such container, or has not yet written it down. */
export type StateReader = (root: string, id: string) => KnownState | undefined;

interface RuncStateFile {
  readonly init_process_pid?: number;
  readonly init_process_start?: number;
  readonly config?: {
    readonly namespaces?: readonly { readonly type?: string; readonly path?: string }[] | null;
    readonly cgroups?: { readonly path?: string } | null;
    readonly Hooks?: Readonly<Record<string, readonly unknown[] | null>> | null;
    readonly intel_rdt?: unknown;
  };
}

/** runc's `state.json`. */
export const readRuncState: StateReader = (root, id) => {
  const file = readJson<RuncStateFile>(root, id, "state.json");
  if (file === undefined) return undefined;
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
};

interface CrunStatusFile {
  readonly pid?: number;
  readonly "process-start-time"?: number;
  readonly "cgroup-path"?: string;
  readonly "systemd-cgroup"?: boolean;
}

/** The specification as crun was given it, of which it keeps a copy. */
interface SpecificationFile {
  readonly hooks?: Readonly<Record<string, readonly unknown[] | null>> | null;
  readonly linux?: {
    readonly namespaces?: readonly { readonly type?: string; readonly path?: string }[] | null;
    readonly intelRdt?: unknown;
  };
}

/** crun's `status` and its copy of the specification. */
export const readCrunState: StateReader = (root, id) => {
  const status = readJson<CrunStatusFile>(root, id, "status");
  const specification = readJson<SpecificationFile>(root, id, "config.json");
  if (status === undefined || specification === undefined) return undefined;
  const { pid, "process-start-time": start, "cgroup-path": cgroup, "systemd-cgroup": bySystemd } = status;
  if (!pid || !start || !cgroup || bySystemd) return undefined;
  const pids = specification.linux?.namespaces?.find((namespace) => namespace.type === "pid");
  const hooks = (name: string) => (specification.hooks?.[name]?.length ?? 0) > 0;
  return {
    pid,
    startTime: String(start),
    ownPids: pids !== undefined && !pids.path,
    cgroup,
    hasStartHooks: hooks("poststart"),
    hasStopHooks: hooks("poststop"),
    simple: !specification.linux?.intelRdt,
  };
};

function readJson<T>(root: string, id: string, name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(root, id, name), "utf8")) as T;
  } catch {
    return undefined;
  }
}
