import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { log, messageOf } from "../lib/index.ts";
import { ensureAppArmorProfile } from "./apparmor.ts";
import type { RunOnceEnd, RunOnceRequest } from "./contract.ts";
import { lastLoggedError, runtimeFailure } from "./failures.ts";
import { assembleNestedMounts, type NestedMounts } from "./nested-mounts.ts";
import { RUNTIME_ENVIRONMENT } from "./programs.ts";
import { assertOrdinaryRoot } from "./root-check.ts";
import { globalOptions, type RuntimeProgram, runCommand } from "./runtime-command.ts";
import type { RuntimeHost } from "./runtime-host.ts";
import { serializeSpec } from "./spec/build.ts";
import type { OciSpec } from "./spec/oci.ts";

const SIGKILL = 9;
/** How often an aborted process is killed again: the runtime may be about to start it. */
const KILL_EVERY_MS = 10;
/** After so long without effect the runtime itself is killed. */
const RUNTIME_GRACE_MS = 2000;

/** One container from its specification to its end, by one call of the runtime, without a monitor. */
export class RunOnce {
  readonly #request: RunOnceRequest;
  readonly #host: RuntimeHost;
  readonly #program: RuntimeProgram;

  constructor(request: RunOnceRequest, host: RuntimeHost, program: RuntimeProgram) {
    this.#request = request;
    this.#host = host;
    this.#program = program;
  }

  async run(): Promise<RunOnceEnd> {
    const { signal, bundle } = this.#request;
    this.#host.cgroups.anticipateAttach();
    const spec = await this.#request.spec;
    assertOrdinaryRoot(spec);
    await ensureAppArmorProfile(spec.process.apparmorProfile);
    signal.throwIfAborted();
    const mounts = this.#mounts(spec);
    const cgroup = spec.linux.cgroupsPath;
    try {
      writeFileSync(join(bundle, "config.json"), serializeSpec(mounts.spec), { mode: 0o600 });
      const code = await this.#process(cgroup);
      signal.throwIfAborted();
      const words = code === 0 ? undefined : this.#failure(spec);
      if (words !== undefined) throw runtimeFailure("create", words);
      const oomKilled = code !== 0 && this.#ranOutOfMemory(spec, code);
      const removed = this.#remove(cgroup);
      return { code, oomKilled, removed };
    } catch (error) {
      await this.#remove(cgroup);
      throw error;
    } finally {
      mounts[Symbol.dispose]();
    }
  }

  get #logPath(): string {
    return join(this.#request.bundle, "runtime.log");
  }

  #failure({ process }: OciSpec): string | undefined {
    return lastLoggedError(this.#logPath, this.#program.dialect, {
      step: "create",
      executable: process.args[0],
    });
  }

  #mounts(given: OciSpec): NestedMounts {
    const spec = this.#program.dialect.adapt(given);
    if (!this.#program.dialect.racesMountPoints) return { spec, [Symbol.dispose]: () => {} };
    return assembleNestedMounts(spec, join(this.#request.bundle, "nested"));
  }

  /** Its cgroup tells, where the runtime leaves it. Else what was killed within a limit of memory was most likely killed for that. */
  #ranOutOfMemory({ linux }: OciSpec, code: number): boolean {
    if (this.#program.dialect.keepsRuns) return this.#host.cgroups.oomKills(linux.cgroupsPath) > 0;
    return code === 128 + SIGKILL && linux.resources?.memory?.limit !== undefined;
  }

  /** @returns the exit code: the process's, or the runtime's own where that failed */
  async #process(cgroup: string): Promise<number> {
    const { id, bundle, signal, onOutput } = this.#request;
    const { command } = this.#program;
    const options = ["--bundle", bundle, ...(this.#program.dialect.keepsRuns ? ["--keep"] : [])];
    const child = Bun.spawn(
      [...command, ...globalOptions(this.#program, this.#logPath), "run", ...options, id],
      {
        cwd: "/",
        env: RUNTIME_ENVIRONMENT,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const read = async (stream: 1 | 2, source: ReadableStream<Uint8Array>) => {
      for await (const bytes of source) onOutput(stream, bytes);
    };
    const whole = Promise.all([child.exited, read(1, child.stdout), read(2, child.stderr)]);
    const abort = () => void this.#end(cgroup, child);
    signal.addEventListener("abort", abort, { once: true });
    try {
      const [code] = await whole;
      return code;
    } catch (error) {
      // Whoever listens has failed: nobody waits for the process any more.
      await this.#end(cgroup, child);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Kills all of the container until the runtime has noticed that it ended. */
  async #end(cgroup: string, child: Bun.Subprocess): Promise<void> {
    const began = performance.now();
    while (child.exitCode === null && child.signalCode === null) {
      await this.#host.cgroups.signalAll(cgroup, SIGKILL).catch(() => {});
      if (performance.now() - began > RUNTIME_GRACE_MS) child.kill(SIGKILL);
      await Promise.race([child.exited, Bun.sleep(KILL_EVERY_MS)]);
    }
  }

  async #remove(cgroup: string): Promise<void> {
    const { id } = this.#request;
    try {
      await removeRun(this.#host, this.#program, id, cgroup);
    } catch (error) {
      log.warn("what a process was run in could not all be removed", { id, error: messageOf(error) });
    }
  }
}

/** Kills and removes what is left of a container that was run once. Idempotent. */
export async function removeRun(
  host: Pick<RuntimeHost, "cgroups">,
  program: RuntimeProgram,
  id: string,
  cgroup: string | undefined,
): Promise<void> {
  if (cgroup !== undefined) {
    await host.cgroups.signalAll(cgroup, SIGKILL);
    await host.cgroups.remove(cgroup);
  }
  const state = join(program.root, id);
  if (!existsSync(state)) return;
  // Where the runtime has a cgroup or more of its own that we do not know of.
  if (cgroup === undefined) await runCommand(program, ["delete", "--force", id]);
  rmSync(state, { recursive: true, force: true });
}
