import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { log, messageOf } from "../lib/index.ts";
import { processExit, watchDirectory, watchOpened } from "../linux/index.ts";
import { cgroupsPathOf } from "./bundle.ts";
import type { Cgroups } from "./cgroups/contract.ts";
import { hostCgroups } from "./cgroups/host.ts";
import type { ContainerExit } from "./contract.ts";
import { monitorOf } from "./monitor.ts";

export type OnExit = (id: string, exit: ContainerExit) => void;

/**
 * Tells how containers ended. The monitor writes the code into `<execRoot>/exits/<id>` and ends; the file stays until
 * `forget`, so that an end during which no daemon ran is known to the next one.
 *
 * A container that is `track`ed also ends when its monitor was killed: nobody reads its output any more and its code
 * is lost, so what is left of it is killed too.
 */
export class ExitWatcher implements Disposable {
  readonly #execRoot: string;
  readonly #onExit: OnExit;
  readonly #cgroups: Cgroups;
  readonly #watch: Disposable;
  /** Identities of the exit files that were told: a name is seen more than once. */
  readonly #told = new Map<string, string>();
  readonly #tracked = new Map<string, AbortController>();
  readonly #onOutOfMemory: ((id: string) => void) | undefined;

  /**
   * @param onExit must not throw; it is called once for each end, never before the constructor or `track` returned
   * @param options.onOutOfMemory is called each time that memory ran out in a tracked container, until its end is told
   */
  constructor(
    execRoot: string,
    onExit: OnExit,
    options: { readonly cgroups?: Cgroups; readonly onOutOfMemory?: (id: string) => void } = {},
  ) {
    this.#execRoot = execRoot;
    this.#onExit = onExit;
    this.#cgroups = options.cgroups ?? hostCgroups();
    this.#onOutOfMemory = options.onOutOfMemory;
    this.#watch = watchDirectory(join(execRoot, "exits"), (name) => this.#look(name));
  }

  /**
   * Watches the monitor of a container that was created or found running. An end that was already written down
   * is told soon after, once.
   */
  track(id: string): void {
    this.#untrack(id);
    const tracking = new AbortController();
    this.#tracked.set(id, tracking);
    this.#watchMemory(id, tracking.signal);
    this.#followMonitor(id, tracking.signal).catch((error) => {
      if (tracking.signal.aborted) return;
      log.error("cannot watch a container's monitor", { container: id, error: messageOf(error) });
    });
  }

  /** How a container ended when it last ran; `undefined` while it runs, and when that was forgotten. */
  lastExit(id: string): ContainerExit | undefined {
    return this.#read(id)?.exit;
  }

  /** Takes the note of an end away. To be called before a container is started again, and when it is removed. */
  forget(id: string): void {
    this.#untrack(id);
    this.#told.delete(id);
    if (isId(id)) rmSync(this.#file(id), { force: true });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    for (const id of [...this.#tracked.keys()]) this.#untrack(id);
  }

  /** conmon waits for the kernel's word and then opens the file anew, which costs nothing until it happens. */
  #watchMemory(id: string, signal: AbortSignal): void {
    if (this.#onOutOfMemory === undefined) return;
    try {
      const watch = watchOpened(this.#bundle(id), (name) => {
        if (name === OUT_OF_MEMORY) this.#onOutOfMemory?.(id);
      });
      signal.addEventListener("abort", () => watch[Symbol.dispose](), { once: true });
    } catch (error) {
      // The end will tell.
      log.warn("cannot watch a container's memory", { container: id, error: messageOf(error) });
    }
  }

  async #followMonitor(id: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    const monitor = monitorOf(this.#bundle(id), id);
    if (monitor) await processExit(monitor.pid, monitor.startTime, signal);
    if (signal.aborted) return;
    if (!this.#look(id)) await this.#settle(id, signal);
  }

  /** The monitor is gone and left no word. */
  async #settle(id: string, signal: AbortSignal): Promise<void> {
    const cgroup = cgroupsPathOf(this.#bundle(id));
    const left = cgroup === undefined ? [] : await this.#cgroups.processes(cgroup);
    if (signal.aborted) return;
    log.warn("a container's monitor was killed", { container: id, processes: left.length });
    if (cgroup !== undefined && left.length > 0) {
      await this.#cgroups.signalAll(cgroup, SIGKILL);
      // What is told of as ended has ended: it is about to be cleaned up.
      await Promise.race([Promise.all(left.map((pid) => processExit(pid))), Bun.sleep(KILL_LIMIT_MS)]);
    }
    if (signal.aborted) return;
    // Written down as the monitor would have: by a name that nobody reads, then all at once.
    const draft = `${this.#file(id)}.draft`;
    writeFileSync(draft, String(left.length > 0 ? KILLED : UNKNOWN));
    renameSync(draft, this.#file(id));
    this.#look(id);
  }

  /** Whether there is an end to tell; tells it if it was not. */
  #look(id: string): boolean {
    if (!isId(id)) return false;
    const found = this.#read(id);
    if (!found) return false;
    if (this.#told.get(id) === found.identity) return true;
    this.#told.set(id, found.identity);
    this.#untrack(id);
    this.#onExit(id, found.exit);
    return true;
  }

  #read(id: string): { exit: ContainerExit; identity: string } | undefined {
    if (!isId(id)) return undefined;
    try {
      const { mtime, mtimeMs, ino } = statSync(this.#file(id));
      const code = Number.parseInt(readFileSync(this.#file(id), "utf8"), 10);
      const exit = {
        // conmon's -1 is "nobody knows".
        code: code >= 0 && code <= 255 ? code : UNKNOWN,
        oomKilled: this.#wasOomKilled(id),
        finishedAt: mtime,
      };
      return { exit, identity: `${ino} ${mtimeMs}` };
    } catch {
      return undefined;
    }
  }

  /**
   * conmon leaves a file where it noticed; on version 1 the first process's end may win the race against that notice, so the kernel's own
   * count is asked too, as long as the cgroup is there.
   */
  #wasOomKilled(id: string): boolean {
    const bundle = this.#bundle(id);
    if (existsSync(join(bundle, OUT_OF_MEMORY))) return true;
    const cgroup = cgroupsPathOf(bundle);
    return cgroup !== undefined && this.#cgroups.oomKills(cgroup) > 0;
  }

  #untrack(id: string): void {
    this.#tracked.get(id)?.abort();
    this.#tracked.delete(id);
  }

  #bundle(id: string): string {
    return join(this.#execRoot, "containers", id);
  }

  #file(id: string): string {
    return join(this.#execRoot, "exits", id);
  }
}

/** conmon's file. */
const OUT_OF_MEMORY = "oom";
const SIGKILL = 9;
/** A process that hangs in the kernel may outlive SIGKILL for any time. */
const KILL_LIMIT_MS = 5_000;
const KILLED = 128 + SIGKILL;
const UNKNOWN = 255;

/** The monitor's drafts have a dot in their names, containers have none. */
function isId(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(name);
}
