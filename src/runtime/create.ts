import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { log, messageOf, systemError } from "../lib/index.ts";
import { processStartTime, removeDirectory } from "../linux/index.ts";
import { ensureAppArmorProfile } from "./apparmor.ts";
import type { CreatedContainer, CreateRequest } from "./contract.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { MONITOR_PIDFILE, type MonitorProcess, monitorOf, readMonitorPid, startMonitor } from "./monitor.ts";
import { assembleNestedMounts, type NestedMounts } from "./nested-mounts.ts";
import { endProcessTree } from "./process-tree.ts";
import { assertOrdinaryRoot } from "./root-check.ts";
import { type RuntimeProgram, runCommand } from "./runtime-command.ts";
import type { RuntimeHost } from "./runtime-host.ts";
import { serializeSpec } from "./spec/build.ts";
import type { OciSpec } from "./spec/oci.ts";

/** One `create`: a monitor that waits for its container's specification, and then makes the runtime create the container. */
export class Creation {
  readonly #request: CreateRequest;
  readonly #host: RuntimeHost;
  readonly #program: RuntimeProgram;
  readonly #monitor: MonitorProcess;
  #released = false;

  constructor(request: CreateRequest, host: RuntimeHost, program: RuntimeProgram) {
    if (host.conmonPath === "") throw systemError("conmon is not installed");
    this.#request = request;
    this.#host = host;
    this.#program = program;
    host.cgroups.anticipateAttach();
    this.#monitor = startMonitor({
      path: host.conmonPath,
      runtime: program,
      containerId: request.id,
      runtimeLog: this.#runtimeLog,
      directory: request.bundle,
      temporaryDirectory: join(host.execRoot, "tmp"),
      args: createArguments(request, host.execRoot),
      stdin: "ignore",
      output: { stdout: "ignore", stderr: "pipe" },
      waits: true,
    });
  }

  async run(): Promise<CreatedContainer> {
    const { signal } = this.#request;
    const abort = () => void this.#stopMonitor();
    let spec: OciSpec | undefined;
    try {
      spec = await this.#request.spec;
      assertOrdinaryRoot(spec);
      await ensureAppArmorProfile(spec.process.apparmorProfile);
      signal?.throwIfAborted();
      using mounts = this.#mounts(spec);
      writeFileSync(join(this.#request.bundle, "config.json"), serializeSpec(mounts.spec), { mode: 0o600 });
      this.#released = true;
      this.#monitor.release();
      signal?.addEventListener("abort", abort, { once: true });
      const created = this.#created(await this.#answer(spec));
      this.#shelter(created.conmonPid);
      return created;
    } catch (error) {
      await this.#undo(spec?.linux.cgroupsPath);
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#monitor.close();
    }
  }

  #mounts(given: OciSpec): NestedMounts {
    const spec = this.#program.dialect.adapt(given);
    if (!this.#program.dialect.racesMountPoints) return { spec, [Symbol.dispose]: () => {} };
    return assembleNestedMounts(spec, join(this.#request.bundle, "nested"));
  }

  get #runtimeLog(): string {
    return join(this.#request.bundle, "runtime.log");
  }

  async #answer({ process }: OciSpec): Promise<number> {
    const answer = await this.#monitor.next();
    this.#request.signal?.throwIfAborted();
    if (answer !== undefined && answer.data > 0) return answer.data;
    const words = lastLoggedError(this.#runtimeLog, this.#program.dialect, {
      step: "create",
      executable: process.args[0],
    });
    throw runtimeFailure(
      "create",
      words ?? answer?.message?.trim() ?? (await lastWords(this.#monitor.child)),
    );
  }

  #created(pid: number): CreatedContainer {
    const conmonPid = readMonitorPid(this.#request.bundle);
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

  /** Ends the monitor and, before it, the runtime: that must not go on making what is about to be cleared away. */
  async #stopMonitor(): Promise<void> {
    const { child } = this.#monitor;
    // One that waits has not forked itself away yet. The others do so at once, and write down whom they left behind.
    if (!this.#released) child.kill(SIGKILL);
    await child.exited;
    const monitor = monitorOf(this.#request.bundle, this.#request.id);
    if (monitor) await endProcessTree(monitor.pid);
  }

  async #undo(cgroup: string | undefined): Promise<void> {
    const { id, bundle } = this.#request;
    try {
      await this.#stopMonitor();
      if (!this.#released || cgroup === undefined) return;
      await this.#host.cgroups.signalAll(cgroup, SIGKILL);
      if (existsSync(join(this.#program.root, id)))
        await runCommand(this.#program, ["delete", "--force", id]);
      await this.#host.cgroups.remove(cgroup);
      removeDirectory(join(this.#program.root, id));
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
}

const SIGKILL = 9;
/** Beside the containers' own cgroups, whose names are 64 digits. */
const MONITORS_CGROUP = "monitors";
const MONITOR_FILES: readonly string[] = [
  "attach",
  "ctl",
  "winsz",
  "oom",
  "pidfile",
  MONITOR_PIDFILE,
  "runtime.log",
];

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
  if (driver !== "k8s-file") return driver;
  if (!logPath) throw systemError("a log file needs a path");
  return `k8s-file:${logPath}`;
}

/** What a monitor complained of that could not even begin. */
async function lastWords({ stderr }: Bun.Subprocess): Promise<string> {
  const text = stderr instanceof ReadableStream ? await stderr.text() : "";
  return text.trim().split("\n").at(-1) || "the container monitor was killed";
}
