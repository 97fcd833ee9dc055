import { conflict, notFound, type StreamSession } from "../lib/index.ts";
import type { ExecConfig, ExecInspect } from "../wire/index.ts";
import { ExecInstance } from "./exec-instance.ts";
import type { ContainerRecord } from "./record.ts";
import type { ExecStartOptions, Execs, StreamsHost } from "./streams-contract.ts";

/**
 * How many of a container's execs are remembered beyond those that run: enough for a client to ask for the exit code, few
 * enough that a check every second for a year costs nothing.
 */
const REMEMBERED = 256;

/** All `docker exec`s. They live in memory: the processes of a former daemon's execs go on, but nobody can ask for them. */
export class ContainerExecs implements Execs {
  readonly #host: StreamsHost;
  readonly #byId = new Map<string, ExecInstance>();
  /** Oldest first. */
  readonly #byContainer = new Map<string, Set<ExecInstance>>();

  constructor(host: StreamsHost) {
    this.#host = host;
  }

  create(record: ContainerRecord, config: ExecConfig): { Id: string } {
    assertExecutable(record);
    const exec = new ExecInstance(record, config, this.#host);
    const siblings = this.#byContainer.get(record.id) ?? new Set();
    this.#byContainer.set(record.id, siblings.add(exec));
    this.#byId.set(exec.id, exec);
    this.#forgetSome(siblings);
    return { Id: exec.id };
  }

  async start(
    execId: string,
    options: ExecStartOptions,
    signal: AbortSignal,
  ): Promise<StreamSession | undefined> {
    const exec = this.#find(execId);
    assertExecutable(exec.record);
    return exec.start(options, signal);
  }

  resize(execId: string, rows: number, columns: number): Promise<void> {
    const exec = this.#find(execId);
    assertExecutable(exec.record);
    return exec.resize(rows, columns);
  }

  inspect(execId: string): ExecInspect {
    return this.#find(execId).inspect();
  }

  /** Those that are still of interest, as Docker shows them: created or running. */
  idsOf(containerId: string): string[] {
    const execs = [...(this.#byContainer.get(containerId) ?? [])];
    return execs.filter((exec) => !exec.isFinished).map((exec) => exec.id);
  }

  endAll(): void {
    // Their processes were in the container's PID namespace or cgroup: the kernel or the runtime has ended them, and each
    // tells its own exit.
  }

  remove(containerId: string): void {
    for (const exec of this.#byContainer.get(containerId) ?? []) this.#byId.delete(exec.id);
    this.#byContainer.delete(containerId);
  }

  #find(execId: string): ExecInstance {
    const exec = this.#byId.get(execId);
    if (exec === undefined) throw notFound(`No such exec instance: ${execId}`);
    return exec;
  }

  /** The oldest finished ones first, then those that were created and never started; never one that runs. */
  #forgetSome(execs: Set<ExecInstance>): void {
    for (const test of [(e: ExecInstance) => e.isFinished, (e: ExecInstance) => !e.inspect().Running]) {
      for (const exec of execs) {
        if (execs.size <= REMEMBERED) return;
        if (!test(exec)) continue;
        execs.delete(exec);
        this.#byId.delete(exec.id);
      }
    }
  }
}

/** @throws Conflict in Docker's words */
function assertExecutable(record: ContainerRecord): void {
  const { status, pid } = record.state;
  if (status === "restarting") {
    throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  }
  if (pid === 0 || (status !== "running" && status !== "paused")) {
    throw conflict(`container ${record.id} is not running`);
  }
  if (status === "paused") {
    throw conflict(`Container ${record.id} is paused, unpause the container before exec`);
  }
}
