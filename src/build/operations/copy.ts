import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, decompress, digestOf, EngineError, invalidParameter } from "../../lib/index.ts";
import { extractTar, type Ownership, openRoot, type RootDir, unmount } from "../../linux/index.ts";
import {
  baseOfTree,
  type Choice,
  type CopyManner,
  digestChoice,
  type FileDigests,
  hasNames,
  type KnownSelections,
  KnownShapes,
  LayerPlan,
  layersTree,
  layerTar,
  octalMode,
  parseModeChange,
  readSelected,
  resolveOwner,
  type SelectedSource,
  select,
  selectionDigest,
  sourceTree,
  type Tree,
} from "../contents/index.ts";
import type { OperationItem } from "../graph/index.ts";
import type { DiffId } from "../ports.ts";
import type { BuildScope, OperationKind, Result, Work } from "../solve/contract.ts";
import { baseKey, baseLayers } from "./base.ts";
import { baseView, withPlanned } from "./base-view.ts";
import { clampTimes } from "./clamp-times.ts";
import { cacheKey } from "./key.ts";
import { newDirectory, unchanged, viewOrEmpty, withLayer } from "./layer.ts";
import { isArchive } from "./unpack.ts";

const FOLDER_MODE = 0o755;

/** `COPY` and `ADD`. */
export class CopyOperation implements OperationKind<"copy"> {
  readonly #digests: FileDigests;
  readonly #known: KnownSelections | undefined;
  readonly #shapes: KnownShapes;
  /** Digests of what was selected of sources for a vertex's key, by build: exactly that is copied, or the copy fails. */
  readonly #promised = new WeakMap<BuildScope, Map<string, Digest>>();

  constructor(digests: FileDigests, known: KnownSelections | undefined, shapes = new KnownShapes()) {
    this.#digests = digests;
    this.#known = known;
    this.#shapes = shapes;
  }

  async key(work: Work<"copy">): Promise<Digest> {
    const { operation, inputs, context } = work;
    const { items, destination, chown, chmod } = operation;
    const digests: unknown[] = [];
    // One after the other: they are all work of the same thread, and often of the same files.
    for (const [index, item] of items.entries()) {
      digests.push([await this.#digest(work, item, index), item.unpack, item.wildcards]);
    }
    void this.#digests.save();
    const base = await baseKey(inputs[0]!, work, this.#digests);
    return cacheKey("copy", 1, [base, digests, destination, chown, chmod, context.epoch]);
  }

  async run(work: Work<"copy">): Promise<Result> {
    const { operation, inputs, context, signal } = work;
    using held = await baseLayers(inputs[0]!, work, this.#digests);
    const base = held.layers;
    const manner = mannerOf(operation);
    await using undo = new AsyncDisposableStack();
    const items: Item[] = [];
    for (const [index, item] of operation.items.entries()) {
      const tree = await this.#tree(work, item, undo);
      const sources = await select(tree, choiceOf(operation, item), { withDigests: tree.isSource, signal });
      const promised = this.#promised.get(context)?.get(promiseKey(work, index));
      if (promised !== undefined && (await selectionDigest(tree, sources)) !== promised) {
        throw invalidParameter("the files to be copied changed while they were being read");
      }
      for (const source of sources) {
        const unpack = item.unpack && (await isArchive(tree, source, signal));
        items.push({ tree, source, unpack, contentsOnly: item.wildcards });
      }
    }
    if (items.some(({ unpack }) => unpack)) return await unpackInto(work, base, items, manner);
    const shared = { context, signal, shapes: this.#shapes };
    const { files, names } = await baseView({ ...shared, needsNames: hasNames(operation.chown) }, base, undo);
    const plan = new LayerPlan(files, leftOutOf(work));
    const owner = ownerOf(names, operation.chown);
    for (const { tree, source, contentsOnly } of items) {
      await plan.copy(tree, source, { ...manner, contentsOnly, owner });
    }
    if (plan.isEmpty) return await unchanged(context, base);
    return await withPlanned(shared, base, plan);
  }

  async #digest(work: Work<"copy">, item: OperationItem, index: number): Promise<Digest> {
    const input = work.inputs[item.input]!;
    const choice = choiceOf(work.operation, item);
    const chosen =
      input.kind === "layers" ? digestOf(JSON.stringify(["selection/1", input.layers, choice])) : undefined;
    const known = chosen && this.#known?.find(chosen);
    if (known !== undefined) return known;
    await using undo = new AsyncDisposableStack();
    try {
      const tree = await this.#tree(work, item, undo);
      const digest = await digestChoice(tree, choice, work.signal);
      if (chosen !== undefined) this.#known?.add(chosen, digest);
      else this.#promise(work, index, digest);
      return digest;
    } catch (error) {
      throw inKey(error, work);
    }
  }

  #promise(work: Work<"copy">, index: number, digest: Digest): void {
    const ofBuild = this.#promised.get(work.context) ?? new Map<string, Digest>();
    this.#promised.set(work.context, ofBuild);
    ofBuild.set(promiseKey(work, index), digest);
  }

  async #tree(
    { inputs, context }: Work<"copy">,
    item: OperationItem,
    undo: AsyncDisposableStack,
  ): Promise<Tree> {
    const input = inputs[item.input]!;
    if (input.kind === "layers") return layersTree(undo.use(await viewOrEmpty(context, input.layers)));
    await this.#digests.load();
    return sourceTree(input.source, this.#digests);
  }
}

/** One file or folder that is to be copied. */
interface Item {
  readonly tree: Tree;
  readonly source: SelectedSource;
  readonly unpack: boolean;
  readonly contentsOnly: boolean;
}

type Manner = Pick<CopyManner, "destination" | "change" | "folderMode">;

const promiseKey = ({ vertex }: Work<"copy">, index: number) => `${vertex.digest} ${index}`;

function mannerOf({ destination, chmod }: Work<"copy">["operation"]): Manner {
  return { destination, change: parseModeChange(chmod), folderMode: octalMode(chmod) };
}

function choiceOf({ exclude }: Work<"copy">["operation"], item: OperationItem): Choice {
  const { path, pattern, wildcards } = item;
  return { path, pattern, exclude, wildcards };
}

function ownerOf(base: Tree | undefined, chown: string): Ownership | undefined {
  if (chown === "") return undefined;
  return resolveOwner(hasNames(chown) ? base : undefined, chown);
}

function leftOutOf({ log }: Work<"copy">): (path: string) => void {
  return (path) =>
    log(
      2,
      Buffer.from(`${JSON.stringify(path)} is left out: a layer can not hold a file of this kind or name\n`),
    );
}

const ID_LENGTH = 25;

/** In BuildKit's words, which people and scripts know. */
function inKey(error: unknown, { vertex }: Work<"copy">): unknown {
  if (!(error instanceof EngineError) || error.kind !== "NotFound") return error;
  const id = vertex.digest.slice("sha256:".length, "sha256:".length + ID_LENGTH);
  const message = error.message.startsWith('"')
    ? `failed to calculate checksum of ref ${id}: ${error.message}`
    : error.message;
  return new EngineError("NotFound", `failed to compute cache key: ${message}`, { cause: error });
}

/** Archives are unpacked onto the base itself, so that all of it, links and marks too, means what it means there. */
async function unpackInto(
  work: Work<"copy">,
  base: readonly DiffId[],
  items: readonly Item[],
  manner: Manner,
): Promise<Result> {
  const { context, operation, signal } = work;
  await using tree = await context.layers.prepare(base);
  const target = join(await newDirectory(context, "unpack"), "root");
  await mkdir(target);
  await tree.mount(target);
  try {
    using root = openRoot(target);
    const baseTree = layersTree(root);
    const owner = ownerOf(base.length === 0 ? undefined : baseTree, operation.chown);
    for (const { tree: from, source, unpack, contentsOnly } of items) {
      const plan = new LayerPlan(baseOfTree(baseTree), leftOutOf(work));
      if (unpack) plan.makeDirectory(manner.destination, FOLDER_MODE, owner);
      else await plan.copy(from, source, { ...manner, contentsOnly, owner });
      if (!plan.isEmpty)
        await extractTar(layerTar(plan, { epoch: context.epoch, signal }), root, "/", { signal });
      if (unpack) await unpackOne(from, source, root, manner.destination, owner, signal);
    }
  } finally {
    unmount(target, { lazy: true });
  }
  const diff = tree.diff();
  return await withLayer(context, base, context.epoch === undefined ? diff : clampTimes(diff, context.epoch));
}

async function unpackOne(
  from: Tree,
  { node }: SelectedSource,
  root: RootDir,
  destination: string,
  owner: Ownership | undefined,
  signal: AbortSignal,
): Promise<void> {
  await extractTar(decompress(readSelected(from, node, signal)), root, destination, {
    signal,
    ...(owner === undefined ? {} : { owner: () => owner }),
  });
}
