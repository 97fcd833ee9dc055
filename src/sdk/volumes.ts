import type { Volume, VolumeCreateRequest, VolumeListResponse, VolumePruneResponse } from "../wire/index.ts";
import type { Engine } from "./engine.ts";
import { encodeFilters, type Filters, segment } from "./query.ts";

/** Named data. */
export class Volumes {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  list(filters?: Filters): Promise<VolumeListResponse> {
    return this.#engine.json({ method: "GET", path: "/volumes", query: { filters: encodeFilters(filters) } });
  }

  create(request: VolumeCreateRequest): Promise<Volume> {
    return this.#engine.json({ method: "POST", path: "/volumes/create", json: request });
  }

  inspect(name: string): Promise<Volume> {
    return this.inspectText(name).then((text) => JSON.parse(text) as Volume);
  }

  /** The engine's own JSON, with its order of keys. */
  inspectText(name: string): Promise<string> {
    return this.#engine.text({ method: "GET", path: `/volumes/${segment("volume", name)}` });
  }

  remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    return this.#engine.run({
      method: "DELETE",
      path: `/volumes/${segment("volume", name)}`,
      query: { ...options },
    });
  }

  prune(filters?: Filters): Promise<VolumePruneResponse> {
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/volumes/prune", query });
  }
}
