import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, EngineError, kindOf, messageOf } from "../../lib/index.ts";
import { detachBelow } from "../../linux/index.ts";
import type { CacheMounts } from "../cache/index.ts";
import type { FileDigests, KnownSelections } from "../contents/index.ts";
import type { OperationMount } from "../graph/index.ts";
import type { OperationKind, Result, Work } from "../solve/contract.ts";
import { baseKey, baseLayers } from "./base.ts";
import { cacheKey } from "./key.ts";
import { refuseUnentitled } from "./run-errors.ts";
import { mountDigest } from "./run-sources.ts";
import { type RunMachine, RunStep } from "./run-step.ts";
import type { SourceLayers } from "./source-layers.ts";

export type { RunDefaults } from "./run-spec.ts";
export type { RunMachine } from "./run-step.ts";

/** What the builder's other parts give to `RUN`. */
export interface RunParts {
  readonly mounts: CacheMounts;
  readonly digests: FileDigests;
  /** Undefined: nothing is remembered of layers. */
  readonly known: KnownSelections | undefined;
  /** Undefined: layers of mounted sources are made for each step. */
  readonly sources: SourceLayers | undefined;
}

/** `RUN`: a command in the runtime that containers run in, confined as they are. */
export class RunOperation implements OperationKind<"run"> {
  readonly #machine: RunMachine;
  readonly #parts: RunParts;

  constructor(machine: RunMachine, parts: RunParts) {
    this.#machine = machine;
    this.#parts = parts;
  }

  /** Of secrets and agents only that they are there counts: they are no part of what is built. Proxies count neither. */
  async key(work: Work<"run">): Promise<Digest> {
    const { args, env, directory, user, network, security } = work.operation;
    const base = await baseKey(work.inputs[0]!, work, this.#parts.digests);
    const mounts: unknown[] = [];
    for (const mount of work.operation.mounts) mounts.push(await this.#mountKey(work, mount));
    const { epoch, run } = work.context;
    // What the command can see of the request, as far as BuildKit counts it: not how fast it may be.
    const surroundings = [
      run.network,
      run.extraHosts,
      run.hostname,
      run.shmSizeBytes,
      run.ulimits,
      run.cgroupParent,
    ];
    return cacheKey("run", 2, [
      ...[base, args, env, directory, user, network, security, mounts, epoch],
      surroundings,
    ]);
  }

  async #mountKey(work: Work<"run">, mount: OperationMount): Promise<unknown> {
    if (mount.type !== "bind" && mount.type !== "cache") return mount;
    const { input, path, ...rest } = mount;
    const source = work.inputs[input]!;
    if (source.kind === "layers" && source.layers.length === 0) return rest;
    try {
      return { ...rest, content: await mountDigest(work, { input, path }, this.#parts) };
    } catch (error) {
      if (kindOf(error) !== "NotFound") throw error;
      throw new EngineError("NotFound", `failed to compute cache key: ${messageOf(error)}`, { cause: error });
    }
  }

  async run(work: Work<"run">): Promise<Result> {
    refuseUnentitled(work.operation, work.context.run);
    using base = await baseLayers(work.inputs[0]!, work, this.#parts.digests);
    await using undo = new AsyncDisposableStack();
    const { mounts: caches, digests, sources } = this.#parts;
    return await new RunStep(work, base.layers, { ...this.#machine, caches, digests, sources }, undo).run();
  }
}

/** At the daemon's start: steps that an earlier one left running, which nobody waits for, are ended, and all they had goes. */
export async function sweepRuns({
  runtime,
  directory,
}: Pick<RunMachine, "runtime" | "directory">): Promise<void> {
  const ids = readdirSync(directory);
  if (ids.length === 0) return;
  const runs = await runtime();
  for (const id of ids) await runs.endRun(id, join(directory, id));
  // Nothing is deleted through a mount.
  detachBelow(directory);
  for (const id of ids) rmSync(join(directory, id), { recursive: true, force: true });
}
