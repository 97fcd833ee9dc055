import type {
  AuthConfig,
  AuthResponse,
  DiskUsage,
  EventMessage,
  SystemInfo,
  SystemVersion,
} from "../wire/index.ts";
import type { Engine } from "./engine.ts";
import { textLines } from "./json-lines.ts";
import { encodeFilters, type Filters } from "./query.ts";

/** The engine itself. */
export class System {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Resolves with the API version in use when an engine answers. */
  ping(signal?: AbortSignal): Promise<string> {
    return this.#engine.negotiate(signal);
  }

  /** What an engine says of itself with every answer: `Berth/0.1.0 (linux)`, and which of Docker's builders it prefers. */
  async identity(signal?: AbortSignal): Promise<{ readonly server: string; readonly builder: string }> {
    const response = await this.#engine.send({ method: "HEAD", path: "/_ping", signal });
    await response.drain();
    const { headers } = response;
    return { server: headers.get("server") ?? "", builder: headers.get("builder-version") ?? "" };
  }

  version(): Promise<SystemVersion> {
    return this.#engine.json({ method: "GET", path: "/version" });
  }

  info(): Promise<SystemInfo> {
    return this.#engine.json({ method: "GET", path: "/info" });
  }

  diskUsage(types: readonly string[] = []): Promise<DiskUsage> {
    return this.#engine.json({ method: "GET", path: "/system/df", query: { type: types } });
  }

  /** Checks credentials with a registry. */
  auth(config: AuthConfig): Promise<AuthResponse> {
    return this.#engine.json({ method: "POST", path: "/auth", json: config });
  }

  /** Past events since `since`, then what happens, until `until` or the signal's abort. */
  async *events(options: EventsOptions = {}): AsyncGenerator<EventMessage, void> {
    for await (const line of await this.eventLines(options)) yield JSON.parse(line) as EventMessage;
  }

  /** The same as the engine's own JSON: `timeNano` has more digits than a number keeps. */
  async eventLines(options: EventsOptions = {}): Promise<AsyncIterable<string>> {
    const { since, until, filters, signal } = options;
    const query = { since, until, filters: encodeFilters(filters) };
    return textLines(await this.#engine.stream({ method: "GET", path: "/events", query, signal }));
  }

  /** Removes what builds have kept. */
  pruneBuildCache(
    options: {
      all?: boolean;
      filters?: Filters;
      reservedBytes?: number;
      maxUsedBytes?: number;
      minFreeBytes?: number;
    } = {},
  ): Promise<{ SpaceReclaimed?: number; CachesDeleted?: string[] | null }> {
    const { all, filters, reservedBytes, maxUsedBytes, minFreeBytes } = options;
    const query = {
      all,
      filters: encodeFilters(filters),
      // The first under its older name as well.
      "keep-storage": reservedBytes || undefined,
      "reserved-space": reservedBytes || undefined,
      "max-used-space": maxUsedBytes || undefined,
      "min-free-space": minFreeBytes || undefined,
    };
    return this.#engine.json({ method: "POST", path: "/build/prune", query });
  }
}

export interface EventsOptions {
  /** Seconds since the epoch, with fraction. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly filters?: Filters;
  readonly signal?: AbortSignal | undefined;
}
