import { invalidParameter, notFound } from "../../lib/index.ts";
import {
  type Network,
  type NetworkConnectRequest,
  NetworkConnectRequestSchema,
  type NetworkCreateRequest,
  NetworkCreateRequestSchema,
  type NetworkCreateResponse,
  type NetworkDisconnectRequest,
  NetworkDisconnectRequestSchema,
  type NetworkPruneResponse,
} from "../../wire/index.ts";
import type { Filters } from "../filters.ts";
import type { Router } from "../router.ts";

type MaybePromise<T> = T | Promise<T>;

/** What these routes ask of the engine. */
export interface NetworkBackend {
  list(filters: Filters): MaybePromise<Network[]>;
  inspect(ref: string, options: { verbose: boolean; scope?: string }): MaybePromise<Network>;
  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse>;
  remove(ref: string): Promise<void>;
  connect(ref: string, request: NetworkConnectRequest): Promise<void>;
  disconnect(ref: string, request: NetworkDisconnectRequest): Promise<void>;
  prune(filters: Filters): Promise<NetworkPruneResponse>;
}

export function addNetworkRoutes(router: Router, networks: NetworkBackend): void {
  router.get("/networks", async (call) => {
    call.json(200, await networks.list(call.query.filters()));
  });

  router.post("/networks/create", async (call) => {
    const request = await call.body("CreateRequest", NetworkCreateRequestSchema);
    if (request === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    call.json(201, await networks.create(request));
  });

  router.post("/networks/prune", async (call) => {
    call.json(200, await networks.prune(call.query.filters()));
  });

  router.get("/networks/:id", async (call) => {
    const options = { verbose: call.query.bool("verbose"), scope: call.query.optional("scope") };
    // There are no networks of a swarm.
    if (options.scope !== undefined && options.scope !== "local") {
      throw notFound(`network ${call.param("id")} not found`);
    }
    call.json(200, await networks.inspect(call.param("id"), options));
  });

  router.post("/networks/:id/connect", async (call) => {
    const request = await call.body("ConnectRequest", NetworkConnectRequestSchema);
    if (request === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    await networks.connect(call.param("id"), request);
    call.empty(200);
  });

  router.post("/networks/:id/disconnect", async (call) => {
    const request = await call.body("DisconnectRequest", NetworkDisconnectRequestSchema);
    if (request === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    await networks.disconnect(call.param("id"), request);
    call.empty(200);
  });

  router.delete("/networks/:id", async (call) => {
    await networks.remove(call.param("id"));
    call.empty(204);
  });
}
