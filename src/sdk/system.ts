import type {
  AuthConfig,
  AuthResponse,
  BuildPruneResponse,
  DiskUsage,
  EventMessage,
  SystemInfo,
  SystemVersion,
} from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { textLines } from "./json-lines.ts";
import { encodeFilters, type Filters, timeText } from "./query.ts";

/** The engine itself. */
export class System {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Resolves with the API version in use when an engine answers. */
  ping(cancel?: Cancel): Promise<string> {
    return this.#engine.negotiate(cancel);
  }

  /** What an engine says of itself with every answer: `Berth/0.1.0 (linux)`, and which of Docker's builders it prefers. */
  async identity(cancel?: Cancel): Promise<{ readonly server: string; readonly builder: string }> {
    const signal = signalOf(cancel);
    const response = await this.#engine.send({ method: "HEAD", path: "/_ping", signal });
    await response.drain();
    const { headers } = response;
    return { server: headers.get("server") ?? "", builder: headers.get("builder-version") ?? "" };
  }

  /** Versions of the engine and its parts. */
  version(cancel?: Cancel): Promise<SystemVersion> {
    return this.#engine.json({ method: "GET", path: "/version", signal: signalOf(cancel) });
  }

  /** What the engine knows of itself and its machine. */
  info(cancel?: Cancel): Promise<SystemInfo> {
    return this.#engine.json({ method: "GET", path: "/info", signal: signalOf(cancel) });
  }

  /** What takes space: all kinds, or `container`, `image`, `volume`, `build-cache`. */
  diskUsage(types: readonly string[] = [], cancel?: Cancel): Promise<DiskUsage> {
    const signal = signalOf(cancel);
    return this.#engine.json({ method: "GET", path: "/system/df", query: { type: types }, signal });
  }

  /** Checks credentials with a registry. */
  auth(config: AuthConfig, cancel?: Cancel): Promise<AuthResponse> {
    return this.#engine.json({ method: "POST", path: "/auth", json: config, signal: signalOf(cancel) });
  }

  /** Past events since `since`, then what happens, until `until` or the signal's abort. */
  async *events(options: EventsOptions = {}): AsyncGenerator<EventMessage, void> {
    for await (const line of await this.eventLines(options)) yield JSON.parse(line) as EventMessage;
  }

  /** The same as the engine's own JSON: `timeNano` has more digits than a number keeps. */
  async eventLines(options: EventsOptions = {}): Promise<AsyncIterable<string>> {
    const { since, until, filters, signal } = options;
    const query = { since: timeText(since), until: timeText(until), filters: encodeFilters(filters) };
    return textLines(await this.#engine.stream({ method: "GET", path: "/events", query, signal }));
  }

  /** Removes what builds have kept. */
  pruneBuildCache(options: PruneBuildsOptions = {}): Promise<BuildPruneResponse> {
    const { all, filters, reservedBytes, maxUsedBytes, minFreeBytes, signal } = options;
    const query = {
      all,
      filters: encodeFilters(filters),
      // The first under its older name as well.
      "keep-storage": reservedBytes || undefined,
      "reserved-space": reservedBytes || undefined,
      "max-used-space": maxUsedBytes || undefined,
      "min-free-space": minFreeBytes || undefined,
    };
    return this.#engine.json({ method: "POST", path: "/build/prune", query, signal });
  }
}

export interface PruneBuildsOptions {
  /** Also what images need. */
  readonly all?: boolean;
  readonly filters?: Filters;
  /** Bytes that may stay in any case. */
  readonly reservedBytes?: number;
  /** Bytes that may stay at most. */
  readonly maxUsedBytes?: number;
  /** Bytes of the disk that are to be free. */
  readonly minFreeBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface EventsOptions {
  /** Seconds since the epoch, with fraction, a time in RFC 3339, or a date. */
  readonly since?: string | Date | undefined;
  readonly until?: string | Date | undefined;
  readonly filters?: Filters;
  readonly signal?: AbortSignal | undefined;
}
