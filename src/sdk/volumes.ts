import type { Volume, VolumeCreateRequest, VolumeListResponse, VolumePruneResponse } from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { ownOfBerth } from "./own-of-berth.ts";
import { encodeFilters, type Filters, segment } from "./query.ts";

/** Named data. */
export class Volumes {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** All of them, or those that the filters let through. */
  list(filters?: Filters, cancel?: Cancel): Promise<VolumeListResponse> {
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "GET", path: "/volumes", query, signal: signalOf(cancel) });
  }

  /** Makes one; it is no error where it is there with the same settings. */
  create(request: VolumeCreateRequest, cancel?: Cancel): Promise<Volume> {
    const signal = signalOf(cancel);
    return this.#engine.json({ method: "POST", path: "/volumes/create", json: request, signal });
  }

  /** Everything that the engine knows of one. */
  inspect(name: string, cancel?: Cancel): Promise<Volume> {
    return this.inspectText(name, cancel).then((text) => JSON.parse(text) as Volume);
  }

  /** The engine's own JSON, with its order of keys. */
  inspectText(name: string, cancel?: Cancel): Promise<string> {
    const path = `/volumes/${segment("volume", name)}`;
    return this.#engine.text({ method: "GET", path, signal: signalOf(cancel) });
  }

  /** @throws Conflict where a container uses it */
  remove(
    name: string,
    { signal, ...query }: { force?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const path = `/volumes/${segment("volume", name)}`;
    return this.#engine.request({ method: "DELETE", path, query, signal });
  }

  /** Removes those that no container uses: anonymous ones, unless a filter says `all`. */
  prune(filters?: Filters, cancel?: Cancel): Promise<VolumePruneResponse> {
    const signal = signalOf(cancel);
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/volumes/prune", query, signal });
  }

  /** Its files as a tar stream, with an entry for its top. Those who use it stand still, unless `pause` is false. */
  export(
    name: string,
    options: { pause?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    return ownOfBerth(
      this.#engine.stream({
        method: "GET",
        path: `/berth/volumes/${segment("volume", name)}/export`,
        query: pauseQuery(options),
        signal: options.signal,
      }),
    );
  }

  /** Fills a volume from a tar stream, compressed or not, and makes it where there is none. */
  import(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: { overwrite?: boolean; labels?: readonly string[]; signal?: AbortSignal | undefined } = {},
  ): Promise<Volume> {
    return ownOfBerth(
      this.#engine.json({
        method: "POST",
        path: `/berth/volumes/${segment("volume", name)}/import`,
        query: { overwrite: options.overwrite, label: options.labels },
        headers: { "Content-Type": "application/x-tar" },
        body,
        signal: options.signal,
      }),
    );
  }

  /** A new volume with another one's files, as they are at one moment unless `pause` is false. */
  clone(
    name: string,
    request: VolumeCreateRequest,
    options: { pause?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<Volume> {
    return ownOfBerth(
      this.#engine.json({
        method: "POST",
        path: `/berth/volumes/${segment("volume", name)}/clone`,
        query: pauseQuery(options),
        json: request,
        signal: options.signal,
      }),
    );
  }
}

/** Yes is what is meant where nothing is said. */
const pauseQuery = ({ pause }: { pause?: boolean }) => ({ pause: pause === false ? "0" : undefined });
