import { existsSync } from "node:fs";
import { join } from "node:path";
import { conflict, log, messageOf, notFound, systemError } from "../lib/index.ts";
import { isAlive, removeDirectory, sendSignal } from "../linux/index.ts";
import type { HostConfig } from "../wire/index.ts";
import { cgroupsPathOf } from "./bundle.ts";
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
import { startExec } from "./exec.ts";
import { runtimeFailure } from "./failures.ts";
import { hostDevices } from "./host-devices.ts";
import { monitorOf } from "./monitor.ts";
import { endProcessTree } from "./process-tree.ts";
import { RunOnce, removeRun } from "./run-once.ts";
import { type RuncState, readRuncState } from "./runc-state.ts";
import { mustRunCommand, type RuntimeProgram, runCommand } from "./runtime-command.ts";
import type { RuntimeHost } from "./runtime-host.ts";
import { SealedProgram } from "./sealed-program.ts";
import { discardUnsupported } from "./spec/check-resources.ts";
import { resolveResources } from "./spec/resources.ts";
import { letGo } from "./start.ts";

export interface RuntimeIdentity {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly version: string;
  readonly racesMountPoints: boolean;
  /** Its state directory and fifo are runc's, so that simple steps need no process of it. */
  readonly isRunc: boolean;
}

/** conmon above a runtime with runc's command line. */
export class MonitoredRuntime implements Runtime {
  readonly name: string;
  readonly path: string;
  readonly version: string;
  readonly #isRunc: boolean;
  readonly #host: RuntimeHost;
  readonly #program: RuntimeProgram;

  constructor(identity: RuntimeIdentity, host: RuntimeHost) {
    this.name = identity.name;
    this.path = identity.path;
    this.version = identity.version;
    this.#isRunc = identity.isRunc;
    this.#host = host;
    const sealed = identity.isRunc ? new SealedProgram(identity.path) : undefined;
    this.#program = {
      path: identity.path,
      get executable() {
        return sealed?.path ?? identity.path;
      },
      args: identity.args,
      root: join(host.execRoot, "runtime"),
      logs: join(host.execRoot, "tmp"),
      racesMountPoints: identity.racesMountPoints,
    };
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
    await letGo(join(this.#program.root, id, "exec.fifo"), state);
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
    const cgroup = cgroupsPathOf(join(this.#host.execRoot, "containers", id));
    if (cgroup === undefined) return false;
    await this.#host.cgroups.signalAll(cgroup, SIGKILL);
    await this.#host.cgroups.remove(cgroup);
    this.#forgetState(id);
    return true;
  }

  async #deleteContainer(id: string, force: boolean): Promise<void> {
    const state = this.#state(id);
    if (!state || state.hasStopHooks || !state.simple) return this.#deleteByCommand(id, force);
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
    await mustRunCommand(this.#program, ["update", "--resources", "-", id], {
      stdin: JSON.stringify(limits),
    });
  }

  exec(id: string, request: ExecRequest): Promise<ExecProcess> {
    this.#host.cgroups.anticipateAttach();
    return startExec(id, request, { ...this.#host, program: this.#program });
  }

  runOnce(request: RunOnceRequest): Promise<RunOnceEnd> {
    // Since runc 1.1.
    const keeps = this.#isRunc && !/^(?:0|1\.0)\./.test(this.version);
    return new RunOnce(request, this.#host, this.#program, keeps).run();
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
    const cgroup = cgroupsPathOf(bundle);
    if (cgroup !== undefined) {
      await this.#host.cgroups.signalAll(cgroup, SIGKILL);
      await this.#host.cgroups.remove(cgroup);
    }
    this.#forgetState(id);
  }

  /** What we may act on ourselves; `undefined` leaves it to the runtime's own commands. */
  #state(id: string): RuncState | undefined {
    return this.#isRunc ? readRuncState(this.#program.root, id) : undefined;
  }

  #forgetState(id: string): void {
    removeDirectory(join(this.#program.root, id));
  }

  async #killByCommand(id: string, signal: number, all: boolean): Promise<void> {
    const { code, error } = await runCommand(this.#program, [
      "kill",
      ...(all ? ["--all"] : []),
      id,
      String(signal),
    ]);
    if (code === 0 || /process already finished|not running/.test(error)) return;
    throw /does not exist/.test(error) ? notFound(`No such container: ${id}`) : systemError(error);
  }

  async #deleteByCommand(id: string, force: boolean): Promise<void> {
    if (!existsSync(join(this.#program.root, id))) return;
    const { code, error } = await runCommand(this.#program, ["delete", ...(force ? ["--force"] : []), id]);
    if (code === 0 || /does not exist/.test(error)) return;
    throw /not stopped/.test(error) ? conflict(error) : systemError(error);
  }
}

const SIGKILL = 9;
/** How long a monitor whose container is gone may take to end itself. */
const MONITOR_END_MS = 256;
