import { chmodSync, chownSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { digestOf, EngineError, kindOf } from "../../lib/index.ts";
import { copyTree, openRoot, unmount } from "../../linux/index.ts";
import type { SpecMount } from "../../runtime/index.ts";
import type { CacheMounts } from "../cache/index.ts";
import {
  type FileDigests,
  LayerPlan,
  layersTree,
  layerTar,
  type SelectedSource,
  select,
  selectionDigest,
  sourceTree,
  type Tree,
  timesDigest,
} from "../contents/index.ts";
import type { OperationMount } from "../graph/index.ts";
import type { HeldLayers } from "../ports.ts";
import type { Result, Work } from "../solve/contract.ts";
import { viewOrEmpty } from "./layer.ts";
import { AgentSocket } from "./run-agent.ts";
import { type SecretMount, Secrets } from "./run-secrets.ts";
import { inputPath, missingSource } from "./run-sources.ts";
import type { SourceLayers } from "./source-layers.ts";

type Mount<Type extends OperationMount["type"]> = Extract<OperationMount, { readonly type: Type }>;

export interface StepMounts {
  readonly mounts: readonly SpecMount[];
  /** `NAME=value`, of secrets and of the ssh agent. */
  readonly environment: readonly string[];
}

interface Options {
  readonly caches: CacheMounts;
  readonly digests: FileDigests;
  /** Undefined: nothing is kept. */
  readonly sources: SourceLayers | undefined;
  /** The step's own; in memory where there are secrets. */
  readonly bundle: string;
}

/** Where an ssh agent's socket is that has no place of its own, by the mount's number (BuildKit's). */
const AGENT_SOCKET = "/run/buildkit/ssh_agent.";
const CACHE_MODE = 0o755;

/**
 * Makes all mounts of a step ready; what is to be undone is on the stack.
 * @throws NotFound for sources, secrets and agents that are not there
 */
export async function stepMounts(
  work: Work<"run">,
  options: Options,
  undo: AsyncDisposableStack,
): Promise<StepMounts> {
  const preparation = new Preparation(work, options, undo);
  for (const [index, mount] of work.operation.mounts.entries()) {
    work.signal.throwIfAborted();
    await preparation.add(mount, index);
  }
  return preparation;
}

class Preparation implements StepMounts {
  readonly mounts: SpecMount[] = [];
  readonly environment: string[] = [];
  readonly #work: Work<"run">;
  readonly #options: Options;
  readonly #undo: AsyncDisposableStack;
  #secrets: Secrets | undefined;
  #agents = 0;

  constructor(work: Work<"run">, options: Options, undo: AsyncDisposableStack) {
    this.#work = work;
    this.#options = options;
    this.#undo = undo;
  }

  async add(mount: OperationMount, index: number): Promise<void> {
    switch (mount.type) {
      case "bind":
        return await this.#addBind(mount, index);
      case "cache":
        return await this.#addCache(mount);
      case "tmpfs":
        return this.#addTmpfs(mount);
      case "secret":
        return await this.#addSecret(mount);
      case "ssh":
        return await this.#addAgent(mount, index);
    }
  }

  /** What is written to a mount that may be written to is thrown away: it is a writable tree of its own. */
  async #addBind({ input, path, target, readOnly }: Mount<"bind">, index: number): Promise<void> {
    const { layers } = this.#work.context;
    const own = this.#ownPath(this.#work.inputs[input]!, path);
    if (own !== undefined && readOnly) return this.#bind(own, target, readOnly);
    const from = await this.#layersOf(this.#work.inputs[input]!, path);
    this.#undo.use(from.held);
    const tree = this.#undo.use(await layers.prepare(from.held.layers));
    const place = join(this.#options.bundle, `bind-${index}`);
    mkdirSync(place, { mode: 0o700 });
    this.#undo.defer(() => rmdirSync(place));
    await tree.mount(place);
    this.#undo.defer(() => unmount(place, { lazy: true }));
    // Nobody else reaches this tree: what the path leads to now it leads to when it is mounted.
    using root = openRoot(place);
    const source = join(place, inputPath(layersTree(root), from.path));
    this.#bind(source, target, readOnly);
  }

  /** Where files are that may be shown as they are. */
  #ownPath(input: Result, path: string): string | undefined {
    if (input.kind === "layers" || input.source.shownAs === undefined) return undefined;
    return join(input.source.shownAs, inputPath(sourceTree(input.source, undefined), path));
  }

  /** Files that are in no layer become one: as they were when they were looked at, root's, without what is ignored. */
  async #layersOf(input: Result, path: string): Promise<{ held: HeldLayers; path: string }> {
    const { context, signal, operation } = this.#work;
    if (input.kind === "layers") return { held: await context.layers.hold(input.layers), path };
    const { digests, sources } = this.#options;
    await digests.load();
    const tree = sourceTree(input.source, digests);
    const choice = { path: `/${inputPath(tree, path)}`, wildcards: false };
    const selected = await select(tree, choice, { withDigests: true, signal });
    const isDirectory = selected.every(({ node }) => node.entry.kind === "directory");
    const at = isDirectory ? "/" : "/file";
    const make = () => this.#layerOf(tree, selected, at);
    if (sources === undefined) {
      // Nobody asks for this layer again.
      this.#undo.defer(async () => void (await context.layers.collect()));
      return { held: await make(), path: at };
    }
    // Tools that go by times, as make does, are to see those of now.
    const contents = [await selectionDigest(tree, selected), timesDigest(selected)];
    const key = digestOf(JSON.stringify(["mounted source/1", ...contents]));
    const description = `mounted files from exec ${operation.args.join(" ")}`;
    return { held: await sources.hold(key, description, make), path: at };
  }

  async #layerOf(tree: Tree, selected: readonly SelectedSource[], destination: string): Promise<HeldLayers> {
    const { context, signal } = this.#work;
    const plan = new LayerPlan(undefined);
    const manner = { contentsOnly: true, owner: undefined, change: undefined, folderMode: undefined };
    for (const source of selected) await plan.copy(tree, source, { ...manner, destination });
    await using layer = await context.layers.receive(layerTar(plan, { epoch: undefined, signal }));
    return await layer.keep();
  }

  async #addCache(mount: Mount<"cache">): Promise<void> {
    const { target, readOnly, sharing } = mount;
    const { operation, signal } = this.#work;
    const cache = await this.#options.caches.acquire(
      {
        id: this.#cacheId(mount),
        sharing,
        description: `cached mount ${target} from exec ${operation.args.join(" ")}`,
        create: (directory) => this.#fillCache(mount, directory),
      },
      signal,
    );
    this.#undo.use(cache);
    // The directory itself: nothing in it is looked up, which other steps change meanwhile (CVE-2024-23651).
    this.#bind(cache.directory, target, readOnly);
  }

  /** Caches that began otherwise are other ones, whatever their id. */
  #cacheId({ id, input, path, mode, uid, gid }: Mount<"cache">): string {
    const from = this.#work.inputs[input]!;
    const origin =
      from.kind === "layers" && from.layers.length === 0 ? undefined : [this.#originOf(from), path];
    if (origin === undefined && mode === undefined && uid === undefined && gid === undefined) return id;
    return JSON.stringify([id, origin ?? null, mode ?? null, uid ?? null, gid ?? null]);
  }

  #originOf(input: Result): unknown {
    return input.kind === "layers"
      ? input.layers
      : this.#work.vertex.inputs[this.#work.inputs.indexOf(input)];
  }

  async #fillCache({ input, path, mode, uid, gid }: Mount<"cache">, directory: string): Promise<void> {
    const from = this.#work.inputs[input]!;
    if (from.kind === "source" || from.layers.length > 0) {
      const { held, path: at } = await this.#layersOf(from, path);
      using _held = held;
      using view = await viewOrEmpty(this.#work.context, held.layers);
      const place = inputPath(layersTree(view), at);
      if (view.stat(place).kind !== "directory") throw missingSource(path);
      using target = openRoot(directory);
      await copyTree(view, place, target, "/", { signal: this.#work.signal });
    }
    if (uid !== undefined || gid !== undefined) chownSync(directory, uid ?? 0, gid ?? 0);
    const hasOwnMode = mode !== undefined || (from.kind === "layers" && from.layers.length === 0);
    if (hasOwnMode) chmodSync(directory, mode ?? CACHE_MODE);
  }

  #addTmpfs({ target, size }: Mount<"tmpfs">): void {
    const options = ["nosuid", ...(size === undefined || size === 0 ? [] : [`size=${size}`])];
    this.mounts.push({ type: "tmpfs", source: "tmpfs", destination: cleanTarget(target), options });
  }

  async #addSecret(mount: SecretMount): Promise<void> {
    this.#secrets ??= new Secrets(join(this.#options.bundle, "secrets"));
    const { mounts, environment } = this.#secrets;
    const [files, variables] = [mounts.length, environment.length];
    await this.#secrets.add(mount, this.#work.context.services);
    this.mounts.push(...mounts.slice(files));
    this.environment.push(...environment.slice(variables));
  }

  async #addAgent({ id, required, target, mode, uid, gid }: SecretMount, index: number): Promise<void> {
    const { services } = this.#work.context;
    try {
      // Whether the client has one is told before anything runs.
      await using _probe = await services.sshAgent(id);
    } catch (error) {
      if (kindOf(error) !== "NotFound") throw error;
      if (!required) return;
      throw new EngineError("NotFound", `unset ssh forward key ${id}`);
    }
    const path = join(this.#options.bundle, `agent-${index}`);
    this.#undo.use(await AgentSocket.open({ path, mode, uid, gid, connect: () => services.sshAgent(id) }));
    const destination = target ?? AGENT_SOCKET + this.#agents;
    this.mounts.push({ type: "bind", source: path, destination, options: ["bind", "rprivate"] });
    if (this.#agents++ === 0) this.environment.push(`SSH_AUTH_SOCK=${destination}`);
  }

  #bind(source: string, target: string, readOnly: boolean): void {
    const options = ["rbind", "rprivate", readOnly ? "ro" : "rw"];
    this.mounts.push({ type: "bind", source, destination: cleanTarget(target), options });
  }
}

/** The graph writes a folder with a slash behind it. */
function cleanTarget(target: string): string {
  return target.replace(/\/+$/, "") || "/";
}
