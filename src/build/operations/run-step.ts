import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId } from "../../lib/index.ts";
import { isErrno, mountTmpfs, openRoot, type RootDir, unmount } from "../../linux/index.ts";
import { type OciSpec, type Runtime, resolveUser, type SpecMount } from "../../runtime/index.ts";
import type { CacheMounts } from "../cache/index.ts";
import type { FileDigests } from "../contents/index.ts";
import type { DiffId, StepNetwork, StepNetworks, WritableTree } from "../ports.ts";
import type { LayersResult, Work } from "../solve/contract.ts";
import { clampTimes } from "./clamp-times.ts";
import { withLayer } from "./layer.ts";
import { processFailure, startFailure } from "./run-errors.ts";
import { type StepMounts, stepMounts } from "./run-mounts.ts";
import { DEFAULT_HOSTNAME, type RunDefaults, specOfRun } from "./run-spec.ts";
import { mountPlaces } from "./run-targets.ts";
import type { SourceLayers } from "./source-layers.ts";

export interface RunMachine {
  /** The daemon's default runtime. */
  readonly runtime: () => Promise<Runtime>;
  readonly networks: StepNetworks;
  /** In memory where the host has such a directory; exists, mode 0700, and is the builder's own. */
  readonly directory: string;
  readonly defaults: RunDefaults;
}

export interface StepOptions extends RunMachine {
  readonly caches: CacheMounts;
  readonly digests: FileDigests;
  readonly sources: SourceLayers | undefined;
}

/** As many digits as tell steps apart; a socket's path has to fit into 107 bytes. */
const ID_LENGTH = 24;

const ENOTDIR = 20;
const ELOOP = 40;

/** One command on a tree of its own, from the first mount to the last. */
export class RunStep {
  readonly #work: Work<"run">;
  readonly #base: readonly DiffId[];
  readonly #options: StepOptions;
  readonly #undo: AsyncDisposableStack;
  readonly #id = newId().slice(0, ID_LENGTH);
  readonly #bundle: string;
  #tree: WritableTree | undefined;
  #places: readonly string[] = [];

  /** @param base the layers that it works on; the caller holds them */
  constructor(work: Work<"run">, base: readonly DiffId[], options: StepOptions, undo: AsyncDisposableStack) {
    this.#work = work;
    this.#base = base;
    this.#options = options;
    this.#undo = undo;
    this.#bundle = join(options.directory, this.#id);
  }

  /** @throws ProcessFailed; the signal's reason */
  async run(): Promise<LayersResult> {
    const { operation, signal, log, context } = this.#work;
    mkdirSync(this.#bundle, { mode: 0o700 });
    this.#undo.defer(() => rmSync(this.#bundle, { recursive: true, force: true }));
    if (operation.mounts.some(({ type }) => type === "secret")) this.#keepInMemory();
    const runtime = await this.#options.runtime();
    const spec = this.#prepare();
    spec.catch(() => {});
    try {
      const end = await runtime.runOnce({ id: this.#id, bundle: this.#bundle, spec, signal, onOutput: log });
      this.#undo.defer(() => end.removed);
      if (end.code !== 0) throw processFailure(operation.args, end.code, end.oomKilled);
    } catch (error) {
      throw startFailure(operation.args, error);
    } finally {
      // What is under way must have come to its end before it is undone.
      await Promise.allSettled([spec]);
    }
    const diff = this.#tree!.diff({ exclude: this.#places });
    const { epoch } = context;
    return await withLayer(context, this.#base, epoch === undefined ? diff : clampTimes(diff, epoch));
  }

  /** Secrets, as files or as variables of the specification, are on no disk, wherever the step's directory is. */
  #keepInMemory(): void {
    mountTmpfs(this.#bundle, { mode: 0o700 });
    this.#undo.defer(() => unmount(this.#bundle, { lazy: true }));
  }

  /** Everything that needs no other part side by side, and then the specification of it all. */
  async #prepare(): Promise<OciSpec> {
    const [root, network, mounts] = await together([this.#mountRoot(), this.#openNetwork(), this.#mounts()]);
    using _root = root;
    const { operation } = this.#work;
    const user = resolveUser(root, operation.user);
    const all = [...this.#etcMounts(network, mounts.mounts), ...mounts.mounts];
    this.#places = mountPlaces(
      root,
      all.map(({ destination }) => destination),
    );
    makeWorkingDirectory(root, operation.directory);
    return specOfRun(
      this.#work,
      { id: this.#id, rootfs: this.#rootfs, user, mounts: all, environment: mounts.environment, network },
      this.#options.defaults,
    );
  }

  get #rootfs(): string {
    return join(this.#bundle, "rootfs");
  }

  async #mountRoot(): Promise<RootDir> {
    const tree = this.#undo.use(await this.#work.context.layers.prepare(this.#base));
    this.#tree = tree;
    mkdirSync(this.#rootfs, { mode: 0o700 });
    this.#undo.defer(() => rmdirSync(this.#rootfs));
    await tree.mount(this.#rootfs);
    this.#undo.defer(() => unmount(this.#rootfs, { lazy: true }));
    return openRoot(this.#rootfs);
  }

  async #openNetwork(): Promise<StepNetwork> {
    const { operation, context } = this.#work;
    const { network, extraHosts, hostname = DEFAULT_HOSTNAME } = context.run;
    const mode = operation.network === "default" ? network || "default" : operation.network;
    return this.#undo.use(await this.#options.networks.open(mode, this.#id, hostname, extraHosts));
  }

  #mounts(): Promise<StepMounts> {
    const { caches, digests, sources } = this.#options;
    return stepMounts(this.#work, { caches, digests, sources, bundle: this.#bundle }, this.#undo);
  }

  #etcMounts(network: StepNetwork, others: readonly SpecMount[]): SpecMount[] {
    const { hostname = DEFAULT_HOSTNAME } = this.#work.context.run;
    const contents = {
      hostname: `${hostname}\n`,
      hosts: network.hosts,
      "resolv.conf": network.resolvConf,
    };
    const taken = new Set(others.map(({ destination }) => destination));
    return Object.entries(contents).flatMap(([name, text]) => {
      const destination = `/etc/${name}`;
      if (taken.has(destination)) return [];
      const source = join(this.#bundle, name);
      writeFileSync(source, text, { mode: 0o644 });
      return [{ type: "bind", source, destination, options: ["bind", "rprivate"] }];
    });
  }
}

/** Where a file stands in the way the runtime says so. */
function makeWorkingDirectory(root: RootDir, path: string): void {
  try {
    root.mkdirAll(path, 0o755);
  } catch (error) {
    if (!isErrno(error, ENOTDIR, ELOOP)) throw error;
  }
}

/** Waits for all of them, also where one fails, so that an undo meets nothing that is still under way. */
async function together<T extends readonly unknown[]>(
  parts: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const values: unknown[] = [];
  for (const part of await Promise.allSettled<unknown>(parts)) {
    if (part.status === "rejected") throw part.reason;
    values.push(part.value);
  }
  return values as unknown as T;
}
