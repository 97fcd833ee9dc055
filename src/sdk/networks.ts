import type {
  EndpointSettings,
  Network,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkPruneResponse,
} from "../wire/index.ts";
import type { Engine } from "./engine.ts";
import { encodeFilters, type Filters, segment } from "./query.ts";

/** What containers are joined by. A network is given by name, id or a prefix of it. */
export class Networks {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  list(filters?: Filters): Promise<Network[]> {
    return this.#engine.json({
      method: "GET",
      path: "/networks",
      query: { filters: encodeFilters(filters) },
    });
  }

  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse> {
    return this.#engine.json({ method: "POST", path: "/networks/create", json: request });
  }

  inspect(ref: string, options: { verbose?: boolean } = {}): Promise<Network> {
    return this.inspectText(ref, options).then((text) => JSON.parse(text) as Network);
  }

  /** The engine's own JSON, with its order of keys. */
  inspectText(ref: string, options: { verbose?: boolean } = {}): Promise<string> {
    const query = { verbose: options.verbose === true ? "true" : undefined };
    return this.#engine.text({ method: "GET", path: at(ref), query });
  }

  remove(ref: string): Promise<void> {
    return this.#engine.run({ method: "DELETE", path: at(ref) });
  }

  connect(ref: string, container: string, endpoint: EndpointSettings = {}): Promise<void> {
    const json = { Container: container, EndpointConfig: endpoint };
    return this.#engine.run({ method: "POST", path: `${at(ref)}/connect`, json });
  }

  disconnect(ref: string, container: string, options: { force?: boolean } = {}): Promise<void> {
    const json = { Container: container, Force: options.force ?? false };
    return this.#engine.run({ method: "POST", path: `${at(ref)}/disconnect`, json });
  }

  prune(filters?: Filters): Promise<NetworkPruneResponse> {
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/networks/prune", query });
  }
}

function at(ref: string): string {
  return `/networks/${segment("network", ref)}`;
}
