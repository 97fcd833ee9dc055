import type {
  ImageDiff,
  ImageFile,
  ImageLayers,
  ImageRollbackResponse,
  ImageVersion,
  ImageVersionsPruneResponse,
} from "../wire/index.ts";
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
  list(name: string): Promise<ImageVersion[]> {
    return ownOfBerth(this.#engine.json({ method: "GET", path: at(name, "/versions") }));
  }

  /** To a version by its number; without one, to the one before the present. */
  rollBack(name: string, version?: number): Promise<ImageRollbackResponse> {
    const query = { version };
    return ownOfBerth(this.#engine.json({ method: "POST", path: at(name, "/rollback"), query }));
  }

  /** Forgets all versions but the present ones. */
  prune(filters?: Filters): Promise<ImageVersionsPruneResponse> {
    const query = { filters: encodeFilters(filters) };
    return ownOfBerth(this.#engine.json({ method: "POST", path: "/berth/images/versions/prune", query }));
  }

  diff(from: string, to: string): Promise<ImageDiff> {
    return ownOfBerth(this.#engine.json({ method: "GET", path: "/berth/images/diff", query: { from, to } }));
  }

  /** An image's layers, and who shares them. */
  layers(name: string): Promise<ImageLayers> {
    return ownOfBerth(this.#engine.json({ method: "GET", path: at(name, "/layers") }));
  }

  /** The files of a layer: by its number from the bottom, by the beginning of its digest, or `all`. */
  async files(name: string, layer: string): Promise<AsyncIterable<ImageFile>> {
    const path = at(name, `/layers/${encodeURIComponent(layer)}/files`);
    return jsonLines(await ownOfBerth(this.#engine.stream({ method: "GET", path })));
  }
}

function at(name: string, action: string): string {
  return `/berth/images/${segment("image", name)}${action}`;
}
