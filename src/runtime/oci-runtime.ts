import { constants, existsSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { conflict, log, messageOf, notFound, systemError } from "../lib/index.ts";
import { isAlive, processStartTime, sendSignal } from "../linux/index.ts";
import type { HostConfig } from "../wire/index.ts";
import { cgroupsPathOf } from "./bundle.ts";
import type { Cgroups } from "./cgroups/contract.ts";
import { codeOf } from "./cgroups/files.ts";
import type {
  CreatedContainer,
  CreateRequest,
  ExecProcess,
  ExecRequest,
  HostFacts,
  Runtime,
} from "./contract.ts";
import { startExec } from "./exec.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { hostDevices } from "./host-devices.ts";
import { MONITOR_PIDFILE, monitorOf, readMonitorPid, startMonitor } from "./monitor.ts";
import { type RuncState, readRuncState } from "./runc-state.ts";
import { mustRunCommand, type RuntimeProgram, runCommand } from "./runtime-command.ts";
import { serializeSpec } from "./spec/build.ts";
import { discardUnsupported } from "./spec/check-resources.ts";
import { resolveResources } from "./spec/resources.ts";
import type { UlimitRequest } from "./spec/rlimits.ts";

/** Everything that a runtime needs of its surroundings. */
export interface RuntimeHost {
  readonly conmonPath: string;
  readonly execRoot: string;
  readonly cgroups: Cgroups;
  readonly facts: HostFacts;
  /** Monitors are moved into `<this>/monitors`, out of reach of whoever kills the daemon's cgroup. */
  readonly cgroupParent: string;
  readonly defaultUlimits?: readonly UlimitRequest[];
}

export interface RuntimeIdentity {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly version: string;
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
    this.#program = {
      path: identity.path,
      args: identity.args,
      root: join(host.execRoot, "runtime"),
      logs: join(host.execRoot, "tmp"),
    };
  }

  async create(request: CreateRequest): Promise<CreatedContainer> {
    request.signal?.throwIfAborted();
    const { bundle, id } = request;
    writeFileSync(join(bundle, "config.json"), serializeSpec(request.spec), { mode: 0o600 });
    const runtimeLog = join(bundle, "runtime.log");
    const monitor = startMonitor({
      path: this.#host.conmonPath,
      runtime: this.#program,
      containerId: id,
      runtimeLog,
      directory: bundle,
      temporaryDirectory: join(this.#host.execRoot, "tmp"),
      args: createArguments(request, this.#host.execRoot),
      stdin: "ignore",
      output: { stdout: "ignore", stderr: "pipe" },
    });
    const abort = () => this.#stopMonitor(id, bundle, monitor.child);
    request.signal?.addEventListener("abort", abort, { once: true });
    try {
      const answer = await monitor.next();
      request.signal?.throwIfAborted();
      if (answer === undefined || answer.data <= 0) {
        const words =
          lastLoggedError(runtimeLog) ?? answer?.message?.trim() ?? (await whyMonitorFailed(monitor.child));
        throw runtimeFailure("create", words);
      }
      const created = this.#created(answer.data, bundle);
      this.#shelter(created.conmonPid);
      return created;
    } catch (error) {
      abort();
      await this.#undoCreate(request);
      throw error;
    } finally {
      request.signal?.removeEventListener("abort", abort);
      monitor.close();
    }
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
    await this.#deleteContainer(id, o.force === true);
    if (o.force) await this.#removeLeftovers(id);
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
    return startExec(id, request, { ...this.#host, program: this.#program });
  }

  #created(pid: number, bundle: string): CreatedContainer {
    const conmonPid = readMonitorPid(bundle);
    const startTime = processStartTime(pid);
    if (conmonPid === undefined || startTime === undefined) {
      throw systemError("the container ended before it was started");
    }
    return { pid, startTime, conmonPid };
  }

  /** Off the path of a start: whoever waits for the container need not wait for this. */
  #shelter(conmonPid: number): void {
    const { cgroups, cgroupParent } = this.#host;
    cgroups.shelter(conmonPid, `${cgroupParent}/${MONITORS_CGROUP}`).catch((error) => {
      log.debug("the monitor stays in the daemon's cgroup", { pid: conmonPid, error: messageOf(error) });
    });
  }

  /** conmon's runtime dies with it (it asks the kernel for that), and so does what the runtime has half made. */
  #stopMonitor(id: string, bundle: string, child: Bun.Subprocess): void {
    child.kill(SIGKILL);
    const monitor = monitorOf(bundle, id);
    if (monitor) sendSignal(monitor.pid, SIGKILL);
  }

  async #undoCreate({ id, bundle, spec }: CreateRequest): Promise<void> {
    try {
      await this.#host.cgroups.signalAll(spec.linux.cgroupsPath, SIGKILL);
      if (existsSync(join(this.#program.root, id)))
        await runCommand(this.#program, ["delete", "--force", id]);
      await this.#host.cgroups.remove(spec.linux.cgroupsPath);
      this.#forgetState(id);
      for (const name of MONITOR_FILES) rmSync(join(bundle, name), { force: true });
      rmSync(join(this.#host.execRoot, "exits", id), { force: true });
    } catch (error) {
      // The failure that led here is the one to tell.
      log.warn("what a failed creation made could not all be removed", {
        container: id,
        error: messageOf(error),
      });
    }
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
    if (isAlive(monitor.pid, monitor.startTime)) sendSignal(monitor.pid, SIGKILL);
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
    rmSync(join(this.#program.root, id), { recursive: true, force: true });
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
/** Beside the containers' own cgroups, whose names are 64 digits. */
export const MONITORS_CGROUP = "monitors";
const MONITOR_FILES: readonly string[] = [
  "attach",
  "ctl",
  "winsz",
  "oom",
  "pidfile",
  MONITOR_PIDFILE,
  "runtime.log",
];

/** How long a monitor whose container is gone may take to end itself. */
const MONITOR_END_MS = 256;

function createArguments(request: CreateRequest, execRoot: string): string[] {
  const { bundle, id } = request;
  return [
    `--cuuid=${id}`,
    `--container-pidfile=${join(bundle, "pidfile")}`,
    `--conmon-pidfile=${join(bundle, MONITOR_PIDFILE)}`,
    `--exit-dir=${join(execRoot, "exits")}`,
    // The attach socket lies in the bundle under its own name, and not behind a link in a shared directory.
    "--full-attach",
    // A log is as durable as the page cache: it survives every crash but the kernel's.
    "--no-sync-log",
    `--log-path=${logTarget(request)}`,
    ...(request.tty ? ["--terminal"] : []),
    ...(request.stdinOpen ? ["--stdin"] : []),
    ...(request.stdinOpen && !request.stdinOnce ? ["--leave-stdin-open"] : []),
  ];
}

function logTarget({ logDriver, logPath }: CreateRequest): string {
  const driver = logDriver ?? (logPath ? "k8s-file" : "none");
  if (driver !== "k8s-file") return driver === "journald" ? "journald" : "none";
  if (!logPath) throw systemError("a log file needs a path");
  return `k8s-file:${logPath}`;
}

async function whyMonitorFailed(child: Bun.Subprocess): Promise<string> {
  const { stderr } = child;
  const text = stderr instanceof ReadableStream ? await stderr.text() : "";
  return text.trim().split("\n").at(-1) || "the container monitor was killed";
}

/** How often to look whether the process that is to open the fifo still lives. */
const START_CHECK_MS = 100;

/**
 * What `runc start` does: the waiting process is stuck opening the fifo for writing; whoever opens it for reading lets it go
 * on, and it sends one byte right before it executes the user's program. The blocking calls wait in the thread pool.
 */
async function letGo(fifo: string, state: RuncState): Promise<void> {
  let done = false;
  const check = setInterval(() => {
    if (!done && !isAlive(state.pid, state.startTime)) wake(fifo);
  }, START_CHECK_MS);
  try {
    await using file = await open(fifo, "r");
    const { bytesRead } = await file.read(new Uint8Array(1), 0, 1);
    if (bytesRead === 0) throw runtimeFailure("start", "container process is already dead");
    unlinkSync(fifo);
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      throw conflict("cannot start a container that has stopped or was started before");
    throw error;
  } finally {
    done = true;
    clearInterval(check);
  }
}

/** Opens the other end, so that our own reader gets its end-of-file. */
function wake(fifo: string): void {
  open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
    .then((file) => file.close())
    .catch(() => {});
}
