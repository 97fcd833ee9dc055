import type {
  ImageDiff,
  ImageFile,
  ImageLayers,
  ImageRollbackResponse,
  ImageVersion,
  ImageVersionsPruneResponse,
} from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { jsonLines } from "./json-lines.ts";
import { ownOfBerth } from "./own-of-berth.ts";
import { encodeFilters, type Filters, segment } from "./query.ts";

/**
 * What names pointed at before, and what is in images; berth's own, which no other engine has. An image is given by name,
 * id or version: `app:1@3`, `app~`.
 */
export class ImageVersions {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Newest first. */
  list(name: string, cancel?: Cancel): Promise<ImageVersion[]> {
    const signal = signalOf(cancel);
    return ownOfBerth(this.#engine.json({ method: "GET", path: at(name, "/versions"), signal }));
  }

  /** To a version by its number; without one, to the one before the present. */
  rollBack(name: string, version?: number, cancel?: Cancel): Promise<ImageRollbackResponse> {
    const query = { version };
    const signal = signalOf(cancel);
    return ownOfBerth(this.#engine.json({ method: "POST", path: at(name, "/rollback"), query, signal }));
  }

  /** Forgets all versions but the present ones. */
  prune(filters?: Filters, cancel?: Cancel): Promise<ImageVersionsPruneResponse> {
    const query = { filters: encodeFilters(filters) };
    const path = "/berth/images/versions/prune";
    return ownOfBerth(this.#engine.json({ method: "POST", path, query, signal: signalOf(cancel) }));
  }

  /** What differs between two images. */
  diff(from: string, to: string, cancel?: Cancel): Promise<ImageDiff> {
    const query = { from, to };
    const signal = signalOf(cancel);
    return ownOfBerth(this.#engine.json({ method: "GET", path: "/berth/images/diff", query, signal }));
  }

  /** An image's layers, and who shares them. */
  layers(name: string, cancel?: Cancel): Promise<ImageLayers> {
    const signal = signalOf(cancel);
    return ownOfBerth(this.#engine.json({ method: "GET", path: at(name, "/layers"), signal }));
  }

  /** The files of a layer: by its number from the bottom, by the beginning of its digest, or `all`. */
  async files(name: string, layer: string, cancel?: Cancel): Promise<AsyncIterable<ImageFile>> {
    const signal = signalOf(cancel);
    const path = at(name, `/layers/${encodeURIComponent(layer)}/files`);
    return jsonLines(await ownOfBerth(this.#engine.stream({ method: "GET", path, signal })));
  }
}

function at(name: string, action: string): string {
  return `/berth/images/${segment("image", name)}${action}`;
}
