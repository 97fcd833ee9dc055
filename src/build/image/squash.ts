import { encodeHeader } from "../../lib/index.ts";
import { packTree, type RootDir } from "../../linux/index.ts";
import type { DiffId, FoundImage, HistoryEntry, Layers } from "../ports.ts";
import type { Lease } from "../solve/lease.ts";
import type { StageLayers } from "./history.ts";

/** All layers above an image's made into one, as Docker's `--squash` does; history tells of the steps without layers. */
export async function squash(
  layers: Layers,
  base: FoundImage | undefined,
  assembled: StageLayers,
  { lease }: { readonly lease: Lease },
): Promise<StageLayers> {
  const below = base?.layers ?? [];
  const own = assembled.layers.slice(below.length);
  if (own.length < 2) return assembled;
  await using received = await layers.receive(squashedTar(layers, below, own));
  const { diffId } = received;
  lease.use(await received.keep());
  const entries =
    base === undefined ? 0 : assembled.history.findIndex((_, at) => layersUpTo(assembled, at) > below.length);
  const history: HistoryEntry[] = assembled.history.map((entry, at) =>
    at < entries ? entry : { ...entry, emptyLayer: true },
  );
  const created = history.findLast((entry) => entry.created !== undefined)?.created;
  const comment = `merge ${assembled.layers.at(-1)} to ${below.at(-1) ?? "scratch"}`;
  return { layers: [...below, diffId], history: [...history, { created, comment }] };
}

/** How many layers the history tells of up to an entry, that one included. */
function layersUpTo({ history }: StageLayers, at: number): number {
  return history.slice(0, at + 1).filter(({ emptyLayer }) => emptyLayer !== true).length;
}

/** What is in the upper layers, and a mark for each name of the lower ones that is gone. */
async function* squashedTar(
  layers: Layers,
  below: readonly DiffId[],
  own: readonly DiffId[],
): AsyncGenerator<Uint8Array, void, undefined> {
  using upper = await layers.view(own);
  if (below.length > 0) {
    using lower = await layers.view(below);
    using whole = await layers.view([...below, ...own]);
    yield* whiteouts({ lower, upper, whole }, "");
  }
  const isWhiteout = (_path: string, stat: { kind: string; rdev: bigint }) =>
    stat.kind === "char" && stat.rdev === 0n;
  yield* packTree(upper, "/", { name: "", exclude: isWhiteout });
}

interface Trees {
  readonly lower: RootDir;
  readonly upper: RootDir;
  readonly whole: RootDir;
}

/** Names can be missing only in folders that the upper layers have something in. */
function* whiteouts(trees: Trees, folder: string): Generator<Uint8Array, void, undefined> {
  const isFolder = (root: RootDir, path: string) =>
    root.tryStat(path, { follow: false })?.kind === "directory";
  const left = new Set(trees.whole.list(folder).map(({ name }) => name));
  for (const { name } of trees.lower.list(folder)) {
    if (left.has(name)) continue;
    const path = `${folder}/.wh.${name}`.replace(/^\//, "");
    yield encodeHeader({ name: path, kind: "file", mode: 0o644, size: 0 });
  }
  for (const { name } of trees.upper.list(folder)) {
    const path = `${folder}/${name}`;
    const all = [trees.lower, trees.upper, trees.whole];
    if (all.every((root) => isFolder(root, path))) yield* whiteouts(trees, path);
  }
}
