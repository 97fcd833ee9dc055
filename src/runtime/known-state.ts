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

type Namespaces = readonly { readonly type?: string; readonly path?: string }[] | null;
type Hooks = Readonly<Record<string, readonly unknown[] | null>> | null;

/** What both runtimes note of a container, by whatever names. */
interface Notes {
  readonly pid: number | undefined;
  readonly start: number | undefined;
  readonly cgroup: string | undefined;
  readonly namespaces: Namespaces | undefined;
  /** What the runtime calls the namespace of process ids. */
  readonly pidNamespace: string;
  readonly hooks: Hooks | undefined;
  readonly rdt: unknown;
}

interface RuncStateFile {
  readonly init_process_pid?: number;
  readonly init_process_start?: number;
  readonly config?: {
    readonly namespaces?: Namespaces;
    readonly cgroups?: { readonly path?: string } | null;
    readonly Hooks?: Hooks;
    readonly intel_rdt?: unknown;
  };
}

/** runc's `state.json`. */
export const readRuncState: StateReader = (root, id) => {
  const file = readJson<RuncStateFile>(root, id, "state.json");
  if (file === undefined) return undefined;
  const { config } = file;
  return stateOf({
    pid: file.init_process_pid,
    start: file.init_process_start,
    cgroup: config?.cgroups?.path,
    namespaces: config?.namespaces,
    pidNamespace: "NEWPID",
    hooks: config?.Hooks,
    rdt: config?.intel_rdt,
  });
};

interface CrunStatusFile {
  readonly pid?: number;
  readonly "process-start-time"?: number;
  readonly "cgroup-path"?: string;
  readonly "systemd-cgroup"?: boolean;
}

/** The specification as crun was given it, of which it keeps a copy. */
interface SpecificationFile {
  readonly hooks?: Hooks;
  readonly linux?: { readonly namespaces?: Namespaces; readonly intelRdt?: unknown };
}

/** crun's `status` and its copy of the specification. */
export const readCrunState: StateReader = (root, id) => {
  const status = readJson<CrunStatusFile>(root, id, "status");
  const specification = readJson<SpecificationFile>(root, id, "config.json");
  if (status === undefined || specification === undefined || status["systemd-cgroup"]) return undefined;
  const { hooks, linux } = specification;
  return stateOf({
    pid: status.pid,
    // It writes 0 where it does not know.
    start: status["process-start-time"] || undefined,
    cgroup: status["cgroup-path"],
    namespaces: linux?.namespaces,
    pidNamespace: "pid",
    hooks,
    rdt: linux?.intelRdt,
  });
};

function stateOf(notes: Notes): KnownState | undefined {
  const { pid, start, cgroup, namespaces, pidNamespace, hooks, rdt } = notes;
  if (!pid || start === undefined || !cgroup) return undefined;
  const pids = namespaces?.find(({ type }) => type === pidNamespace);
  const hasHooks = (name: string) => (hooks?.[name]?.length ?? 0) > 0;
  return {
    pid,
    startTime: String(start),
    ownPids: pids !== undefined && !pids.path,
    cgroup,
    hasStartHooks: hasHooks("poststart"),
    hasStopHooks: hasHooks("poststop"),
    simple: !rdt,
  };
}

function readJson<T>(root: string, id: string, name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(root, id, name), "utf8")) as T;
  } catch {
    return undefined;
  }
}
