import type { Volume, VolumeCreateRequest, VolumeListResponse, VolumePruneResponse } from "../wire/index.ts";
import type { Engine } from "./engine.ts";
import { ownOfBerth } from "./own-of-berth.ts";
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

  /** Its files as a tar stream, with an entry for its top. Those who use it stand still, unless `pause` is false. */
  export(name: string, options: { pause?: boolean } = {}): Promise<AsyncIterable<Uint8Array>> {
    return ownOfBerth(
      this.#engine.stream({
        method: "GET",
        path: `/berth/volumes/${segment("volume", name)}/export`,
        query: pauseQuery(options),
      }),
    );
  }

  /** Fills a volume from a tar stream, compressed or not, and makes it where there is none. */
  import(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: { overwrite?: boolean; labels?: readonly string[] } = {},
  ): Promise<Volume> {
    return ownOfBerth(
      this.#engine.json({
        method: "POST",
        path: `/berth/volumes/${segment("volume", name)}/import`,
        query: { overwrite: options.overwrite, label: options.labels },
        headers: { "Content-Type": "application/x-tar" },
        body,
      }),
    );
  }

  /** A new volume with another one's files, as they are at one moment unless `pause` is false. */
  clone(name: string, request: VolumeCreateRequest, options: { pause?: boolean } = {}): Promise<Volume> {
    return ownOfBerth(
      this.#engine.json({
        method: "POST",
        path: `/berth/volumes/${segment("volume", name)}/clone`,
        query: pauseQuery(options),
        json: request,
      }),
    );
  }
}

/** Yes is what is meant where nothing is said. */
const pauseQuery = ({ pause }: { pause?: boolean }) => ({ pause: pause === false ? "0" : undefined });
