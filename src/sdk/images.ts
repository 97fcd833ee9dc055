import type {
  ContainerConfig,
  IdResponse,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagePruneResponse,
  ImageSummary,
  JsonMessage,
} from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import type { RequestBody } from "./http.ts";
import { jsonLines } from "./json-lines.ts";
import { encodeFilters, type Filters, type Query, segment } from "./query.ts";

/** Progress of a long operation, line by line; a line with `error` is its failure. */
export type Progress = AsyncIterable<JsonMessage>;

export interface PlatformChoice {
  /** As JSON: `{"os":"linux","architecture":"amd64"}`. */
  readonly platform?: string;
  readonly signal?: AbortSignal | undefined;
}

/** What images are here and what happens to them. An image is given by reference, id or a prefix of it. */
export class Images {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Images that are in the engine. */
  list(
    options: {
      all?: boolean;
      digests?: boolean;
      manifests?: boolean;
      sharedSize?: boolean;
      filters?: Filters;
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<ImageSummary[]> {
    const { filters, sharedSize, signal, ...rest } = options;
    const query = { ...rest, "shared-size": sharedSize, filters: encodeFilters(filters) };
    return this.#engine.json({ method: "GET", path: "/images/json", query, signal });
  }

  /** Everything that the engine knows of one. */
  inspect(ref: string, options: PlatformChoice = {}): Promise<ImageInspect> {
    return this.inspectText(ref, options).then((text) => JSON.parse(text) as ImageInspect);
  }

  /** The engine's own JSON, with its order of keys and every digit of its numbers. */
  inspectText(ref: string, { signal, ...query }: PlatformChoice = {}): Promise<string> {
    return this.#engine.text({ method: "GET", path: at(ref, "/json"), query, signal });
  }

  /** The steps by which it was made, newest first. */
  history(ref: string, { signal, ...query }: PlatformChoice = {}): Promise<ImageHistoryItem[]> {
    return this.#engine.json({ method: "GET", path: at(ref, "/history"), query, signal });
  }

  /** Gives an image one more name. */
  tag(ref: string, target: { repo: string; tag?: string }, cancel?: Cancel): Promise<void> {
    const query = { ...target };
    return this.#engine.request({ method: "POST", path: at(ref, "/tag"), query, signal: signalOf(cancel) });
  }

  /** Takes away a name, and the image with its last one. */
  remove(
    ref: string,
    options: {
      force?: boolean;
      noPrune?: boolean;
      platforms?: readonly string[];
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<ImageDeleteItem[]> {
    const { signal } = options;
    const query = { force: options.force, noprune: options.noPrune, platforms: options.platforms };
    return this.#engine.json({ method: "DELETE", path: at(ref, ""), query, signal });
  }

  /** Removes those without a name or, with the filter `dangling: ["false"]`, all that no container uses. */
  prune(filters?: Filters, cancel?: Cancel): Promise<ImagePruneResponse> {
    return this.#engine.json({
      method: "POST",
      path: "/images/prune",
      query: { filters: encodeFilters(filters) },
      signal: signalOf(cancel),
    });
  }

  /** Downloads an image. `auth` is the value of `X-Registry-Auth`. */
  pull(
    options: { fromImage: string; tag?: string; platform?: string },
    auth?: string,
    cancel?: Cancel,
  ): Promise<Progress> {
    const headers = withAuth(auth);
    return this.#progress("/images/create", { ...options }, { headers, signal: signalOf(cancel) });
  }

  /** Uploads an image. */
  push(
    ref: string,
    options: { tag?: string; platform?: string },
    auth?: string,
    cancel?: Cancel,
  ): Promise<Progress> {
    const signal = signalOf(cancel);
    // The engine wants the header even where there is nothing to say.
    const headers = withAuth(auth ?? btoa("{}"));
    return this.#progress(`/images/${segment("image", ref)}/push`, { ...options }, { headers, signal });
  }

  /** Makes an image of a root filesystem's tar, or of what `fromSrc` (a URL) gives. */
  import(
    options: {
      fromSrc?: string;
      repo?: string;
      tag?: string;
      message?: string;
      changes?: readonly string[];
      platform?: string;
    },
    tar?: AsyncIterable<Uint8Array>,
    cancel?: Cancel,
  ): Promise<Progress> {
    const query = { ...options, fromSrc: options.fromSrc ?? "-" };
    return this.#progress("/images/create", query, { body: tar, signal: signalOf(cancel) });
  }

  /** Takes in images that `save` wrote. */
  load(
    tar: AsyncIterable<Uint8Array>,
    options: { quiet?: boolean; platforms?: readonly string[] } = {},
    cancel?: Cancel,
  ): Promise<Progress> {
    const signal = signalOf(cancel);
    const headers = { "Content-Type": "application/x-tar" };
    const query = { quiet: options.quiet === true ? "1" : "0", platform: options.platforms };
    return this.#progress("/images/load", query, { headers, body: tar, signal });
  }

  /** Several images as one tar. */
  save(
    refs: readonly string[],
    options: { platforms?: readonly string[]; signal?: AbortSignal | undefined } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const { platforms, signal } = options;
    return this.#engine.stream({
      method: "GET",
      path: "/images/get",
      query: { names: refs, platform: platforms },
      signal,
    });
  }

  /** Makes an image of a container's changes. */
  async commit(
    options: {
      container: string;
      repo?: string;
      tag?: string;
      comment?: string;
      author?: string;
      pause?: boolean;
      changes?: readonly string[];
    },
    config?: ContainerConfig,
    cancel?: Cancel,
  ): Promise<string> {
    const signal = signalOf(cancel);
    const query = { ...options, pause: options.pause === false ? "0" : undefined };
    const call = { method: "POST", path: "/commit", query, json: config, signal } as const;
    return (await this.#engine.json<IdResponse>(call)).Id;
  }

  /** Looks for images on Docker Hub, by way of the engine. */
  search(
    term: string,
    options: { limit?: number; filters?: Filters; signal?: AbortSignal | undefined } = {},
    auth?: string,
  ): Promise<SearchResult[]> {
    const { signal } = options;
    const query = { term, limit: options.limit, filters: encodeFilters(options.filters) };
    return this.#engine.json({
      method: "GET",
      path: "/images/search",
      query,
      headers: withAuth(auth),
      signal,
    });
  }

  /** Builds an image of a context's tar. */
  build(
    query: Query,
    context: RequestBody | undefined,
    headers: Record<string, string>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Progress> {
    return this.#progress("/build", query, { headers, body: context, signal: options.signal });
  }

  async #progress(
    path: string,
    query: Query,
    more: {
      headers?: Record<string, string>;
      body?: RequestBody | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<Progress> {
    return jsonLines(await this.#engine.stream({ method: "POST", path, query, ...more }));
  }
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

function at(ref: string, action: string): string {
  return `/images/${segment("image", ref)}${action}`;
}

function withAuth(auth: string | undefined): Record<string, string> {
  return auth === undefined ? {} : { "X-Registry-Auth": auth };
}
