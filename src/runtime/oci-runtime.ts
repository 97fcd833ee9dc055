import { existsSync } from "node:fs";
import { join } from "node:path";
import { conflict, log, messageOf, notFound, systemError } from "../lib/index.ts";
import { isAlive, removeDirectory, sendSignal } from "../linux/index.ts";
import type { HostConfig } from "../wire/index.ts";
import { cgroupsPathOf } from "./bundle.ts";
import { withoutUnifiedCgroups } from "./cgroup-view.ts";
import type {
  CreatedContainer,
  CreateRequest,
  ExecProcess,
  ExecRequest,
  RunOnceEnd,
  RunOnceRequest,
  Runtime,
} from "./contract.ts";
import { Creation } from "./create.ts";
import type { Dialect } from "./dialects.ts";
import { startExec } from "./exec.ts";
import { runtimeFailure } from "./failures.ts";
import { hostDevices } from "./host-devices.ts";
import type { KnownState } from "./known-state.ts";
import { monitorOf } from "./monitor.ts";
import { endProcessTree } from "./process-tree.ts";
import { RunOnce, removeRun } from "./run-once.ts";
import { mustRunCommand, type RuntimeProgram, runCommand } from "./runtime-command.ts";
import type { RuntimeHost } from "./runtime-host.ts";
import { SealedProgram } from "./sealed-program.ts";
import { discardUnsupported } from "./spec/check-resources.ts";
import { resolveResources } from "./spec/resources.ts";

export interface RuntimeIdentity {
  readonly name: string;
  readonly path: string;
  /** The user's own arguments (`runtimeArgs` of the daemon's configuration). */
  readonly args: readonly string[];
  readonly version: string;
  readonly dialect: Dialect;
}

/** conmon above a runtime with runc's command line. */
export class MonitoredRuntime implements Runtime {
  readonly name: string;
  readonly path: string;
  readonly version: string;
  readonly #dialect: Dialect;
  readonly #host: RuntimeHost;
  readonly #program: RuntimeProgram;

  constructor(identity: RuntimeIdentity, host: RuntimeHost) {
    this.name = identity.name;
    this.path = identity.path;
    this.version = identity.version;
    this.#dialect = identity.dialect;
    this.#host = host;
    this.#program = programOf(identity, host);
  }

  async create(request: CreateRequest): Promise<CreatedContainer> {
    request.signal?.throwIfAborted();
    return new Creation(request, this.#host, this.#program).run();
  }

  async start(id: string): Promise<void> {
    const state = this.#state(id);
    if (!state || state.hasStartHooks) {
      const { code, error } = await runCommand(this.#program, ["start", id]);
      if (code !== 0) throw runtimeFailure("start", error);
      return;
    }
    await this.#dialect.release!(join(this.#program.root, id, "exec.fifo"), state);
  }

  async kill(id: string, signal: number, o: { all?: boolean } = {}): Promise<void> {
    const state = this.#state(id);
    if (!state) return this.#killByCommand(id, signal, o.all === true);
    if (o.all) return this.#host.cgroups.signalAll(state.cgroup, signal);
    if (isAlive(state.pid, state.startTime)) sendSignal(state.pid, signal);
  }

  async delete(id: string, o: { force?: boolean } = {}): Promise<void> {
    try {
      await this.#deleteContainer(id, o.force === true);
    } catch (error) {
      if (!o.force || !(await this.#deleteWithoutRuntime(id))) throw error;
      log.warn("a container was deleted without its runtime", { container: id, reason: messageOf(error) });
    }
    if (o.force) await this.#removeLeftovers(id);
  }

  /**
   * A runtime whose notes are damaged refuses to do anything with the container: for ever. @returns false where nobody knows
   * its cgroup either
   */
  async #deleteWithoutRuntime(id: string): Promise<boolean> {
    if (!(await this.#removeCgroup(id))) return false;
    this.#forgetState(id);
    return true;
  }

  /** By what the bundle says of it, with all that is in it: a runtime that has lost its notes knows nothing of it. Idempotent. */
  async #removeCgroup(id: string): Promise<boolean> {
    const cgroup = cgroupsPathOf(join(this.#host.execRoot, "containers", id));
    if (cgroup === undefined) return false;
    await this.#host.cgroups.signalAll(cgroup, SIGKILL);
    await this.#host.cgroups.remove(cgroup);
    return true;
  }

  async #deleteContainer(id: string, force: boolean): Promise<void> {
    const state = this.#state(id);
    if (!state) {
      await this.#deleteByCommand(id, force);
      await this.#removeCgroup(id);
      return;
    }
    if (state.hasStopHooks || !state.simple) return this.#deleteByCommand(id, force);
    if (isAlive(state.pid, state.startTime)) {
      if (!force) throw conflict(`cannot delete container ${id} that is not stopped`);
      sendSignal(state.pid, SIGKILL);
    }
    // Without a PID namespace of its own the other processes have outlived the first one.
    if (!state.ownPids || force) await this.#host.cgroups.signalAll(state.cgroup, SIGKILL);
    await this.#host.cgroups.remove(state.cgroup);
    this.#forgetState(id);
  }

  async pause(id: string): Promise<void> {
    const state = this.#state(id);
    if (state) return this.#host.cgroups.freeze(state.cgroup);
    await mustRunCommand(this.#program, ["pause", id]);
  }

  async resume(id: string): Promise<void> {
    const state = this.#state(id);
    if (state) return this.#host.cgroups.thaw(state.cgroup);
    await mustRunCommand(this.#program, ["resume", id]);
  }

  /** By the runtime: it knows in which order the kernel takes memory and swap, and keeps them for `exec`. */
  async update(id: string, resources: HostConfig): Promise<void> {
    const wanted = discardUnsupported(resources, this.#host.facts).resources;
    const { devices: _, ...limits } = resolveResources(wanted, hostDevices, []);
    await mustRunCommand(this.#program, ["update", "--resources", this.#dialect.standardInput, id], {
      stdin: JSON.stringify(limits),
    });
  }

  exec(id: string, request: ExecRequest): Promise<ExecProcess> {
    this.#host.cgroups.anticipateAttach();
    return startExec(id, request, { ...this.#host, program: this.#program });
  }

  runOnce(request: RunOnceRequest): Promise<RunOnceEnd> {
    return new RunOnce(request, this.#host, this.#program).run();
  }

  async endRun(id: string, bundle: string): Promise<void> {
    await removeRun(this.#host, this.#program, id, cgroupsPathOf(bundle));
  }

  /**
   * A daemon that was killed in the middle of `create` left a monitor whose runtime may be at work still: it must not come
   * to an end after we believed all gone.
   */
  async #removeLeftovers(id: string): Promise<void> {
    const bundle = join(this.#host.execRoot, "containers", id);
    const monitor = monitorOf(bundle, id);
    if (!monitor) return;
    // One whose container has just ended is about to write down how.
    for (let waitMs = 1; waitMs < MONITOR_END_MS && isAlive(monitor.pid, monitor.startTime); waitMs *= 2) {
      await Bun.sleep(waitMs);
    }
    if (isAlive(monitor.pid, monitor.startTime)) await endProcessTree(monitor.pid);
    await this.#removeCgroup(id);
    this.#forgetState(id);
  }

  /** What we may act on ourselves; `undefined` leaves it to the runtime's own commands. */
  #state(id: string): KnownState | undefined {
    return this.#dialect.readState?.(this.#program.root, id);
  }

  #forgetState(id: string): void {
    removeDirectory(join(this.#program.root, id));
  }

  async #killByCommand(id: string, signal: number, all: boolean): Promise<void> {
    if (!existsSync(join(this.#program.root, id))) throw notFound(`No such container: ${id}`);
    const { code, error } = await runCommand(this.#program, [
      "kill",
      ...(all ? ["--all"] : []),
      id,
      String(signal),
    ]);
    if (code === 0 || /process already finished|not running/.test(error)) return;
    throw systemError(error);
  }

  async #deleteByCommand(id: string, force: boolean): Promise<void> {
    if (!existsSync(join(this.#program.root, id))) return;
    const { code, error } = await runCommand(this.#program, ["delete", ...(force ? ["--force"] : []), id]);
    if (code === 0 || /does not exist/.test(error)) return;
    throw /not stopped/.test(error) ? conflict(error) : systemError(error);
  }
}

function programOf({ path, args, dialect }: RuntimeIdentity, host: RuntimeHost): RuntimeProgram {
  const sealed = dialect.acceptsSealedCopy ? new SealedProgram(path) : undefined;
  const view = dialect.refusesHybridCgroups ? withoutUnifiedCgroups() : [];
  return {
    path,
    dialect,
    get command() {
      return [...(view ?? []), sealed?.path ?? path, ...args] as [string, ...string[]];
    },
    root: join(host.execRoot, "runtime"),
    logs: join(host.execRoot, "tmp"),
  };
}

const SIGKILL = 9;
/** How long a monitor whose container is gone may take to end itself. */
const MONITOR_END_MS = 256;
