import type {
  EndpointSettings,
  Network,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkPruneResponse,
} from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { encodeFilters, type Filters, segment } from "./query.ts";

/** What containers are joined by. A network is given by name, id or a prefix of it. */
export class Networks {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** All of them, or those that the filters let through. */
  list(filters?: Filters, cancel?: Cancel): Promise<Network[]> {
    return this.#engine.json({
      method: "GET",
      path: "/networks",
      query: { filters: encodeFilters(filters) },
      signal: signalOf(cancel),
    });
  }

  /** Makes one. */
  create(request: NetworkCreateRequest, cancel?: Cancel): Promise<NetworkCreateResponse> {
    const signal = signalOf(cancel);
    return this.#engine.json({ method: "POST", path: "/networks/create", json: request, signal });
  }

  /** Everything that the engine knows of one, with the containers that are in it. */
  inspect(
    ref: string,
    options: { verbose?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<Network> {
    return this.inspectText(ref, options).then((text) => JSON.parse(text) as Network);
  }

  /** The engine's own JSON, with its order of keys. */
  inspectText(
    ref: string,
    options: { verbose?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<string> {
    const query = { verbose: options.verbose === true ? "true" : undefined };
    return this.#engine.text({ method: "GET", path: at(ref), query, signal: options.signal });
  }

  /** @throws Conflict or Forbidden where containers are in it */
  remove(ref: string, cancel?: Cancel): Promise<void> {
    return this.#engine.request({ method: "DELETE", path: at(ref), signal: signalOf(cancel) });
  }

  /** Puts a container in a network, running or not. */
  connect(ref: string, container: string, endpoint: EndpointSettings = {}, cancel?: Cancel): Promise<void> {
    const signal = signalOf(cancel);
    const json = { Container: container, EndpointConfig: endpoint };
    return this.#engine.request({ method: "POST", path: `${at(ref)}/connect`, json, signal });
  }

  /** Takes a container out of a network. */
  disconnect(
    ref: string,
    container: string,
    options: { force?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { signal } = options;
    const json = { Container: container, Force: options.force ?? false };
    return this.#engine.request({ method: "POST", path: `${at(ref)}/disconnect`, json, signal });
  }

  /** Removes those that no container uses. */
  prune(filters?: Filters, cancel?: Cancel): Promise<NetworkPruneResponse> {
    const signal = signalOf(cancel);
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/networks/prune", query, signal });
  }
}

function at(ref: string): string {
  return `/networks/${segment("network", ref)}`;
}
