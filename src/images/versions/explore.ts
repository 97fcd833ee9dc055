import { digestHex, notFound } from "../../lib/index.ts";
import { isOpaque, isWhiteout, Turns, type WalkEntry, walkTree } from "../../linux/index.ts";
import type { ImageFile } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { resolveVersioned } from "./reference.ts";
import type { LayerViews } from "./views.ts";

/** In place of a layer: all of them, as a container sees them. */
const ALL = "all";

/**
 * `berth image explore`: the files of one layer, or of the whole image, in the order of paths. A layer is named by its number
 * from the bottom, by its digest or the beginning of it, or is `all`.
 * @throws as `resolveVersioned`, and NotFound for a layer that is none of the image's, before anything is read
 */
export function imageFiles(
  context: ImageContext,
  views: LayerViews,
  image: string,
  layer: string,
): AsyncIterable<ImageFile> {
  const { layers } = resolveVersioned(context, image).document;
  return layer === ALL || layer === ""
    ? listFiles(views, layers, false)
    : listFiles(views, [layerOf(layers, image, layer)], true);
}

function layerOf(layers: readonly DiffId[], image: string, text: string): DiffId {
  const byNumber = /^\d{1,3}$/.test(text) ? layers[Number(text) - 1] : undefined;
  if (byNumber !== undefined) return byNumber;
  const found = /^(?:sha256:)?[0-9a-f]{4,64}$/.test(text)
    ? [...new Set(layers)].filter((diffId) => digestHex(diffId).startsWith(text.replace(/^sha256:/, "")))
    : [];
  if (found.length === 1) return found[0]!;
  const shown = text.slice(0, 100);
  if (found.length > 1) throw notFound(`several layers of ${image} have a digest that begins with ${shown}`);
  throw notFound(`${image} has no layer ${shown}: it has ${layers.length}, from the bottom`);
}

async function* listFiles(
  views: LayerViews,
  layers: readonly DiffId[],
  isSingle: boolean,
): AsyncGenerator<ImageFile, void, undefined> {
  using open = await views.open([layers]);
  using top = open.roots[0]!.directory("/");
  const turns = new Turns();
  for (const { type, entry } of walkTree(top)) {
    if (type !== "entry") continue;
    const turn = turns.over();
    if (turn !== undefined) await turn;
    yield describe(entry, isSingle);
  }
}

function describe({ directory, name, path, stat }: WalkEntry, isSingle: boolean): ImageFile {
  const { kind } = stat;
  const isDeletion = isSingle && isWhiteout(stat);
  return {
    Path: `/${path}`,
    Type: isDeletion ? "deleted" : kind,
    Mode: isDeletion ? 0 : stat.mode,
    Uid: stat.uid,
    Gid: stat.gid,
    Size: kind === "file" ? stat.size : 0,
    ModTime: rfc3339(stat.mtimeNs),
    ...(kind === "symlink" ? { Link: directory.readLink(name) } : {}),
    ...((kind === "char" || kind === "block") && !isDeletion ? { Major: stat.major, Minor: stat.minor } : {}),
    ...(isSingle && kind === "directory" && isOpaque(directory, name) ? { Opaque: true } : {}),
  };
}

const BILLION = 1_000_000_000n;
/** What JavaScript can tell as a date, in seconds: a layer may say anything. */
const SECONDS_MAX = 8_640_000_000_000n;

function rfc3339(ns: bigint): string {
  const fraction = ((ns % BILLION) + BILLION) % BILLION;
  const seconds = (ns - fraction) / BILLION;
  const bounded = seconds > SECONDS_MAX ? SECONDS_MAX : seconds < -SECONDS_MAX ? -SECONDS_MAX : seconds;
  const whole = new Date(Number(bounded) * 1000).toISOString().replace(/\.000Z$/, "");
  return `${whole}${fraction === 0n ? "" : `.${String(fraction).padStart(9, "0")}`}Z`;
}
