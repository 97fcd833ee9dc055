import { invalidParameter, unavailable } from "../../lib/index.ts";
import {
  type Volume,
  type VolumeCreateRequest,
  VolumeCreateRequestSchema,
  type VolumeListResponse,
  type VolumePruneResponse,
} from "../../wire/index.ts";
import type { Filters } from "../filters.ts";
import type { Router } from "../router.ts";
import { NOT_A_MANAGER } from "./swarm.ts";

type MaybePromise<T> = T | Promise<T>;

/** What these routes ask of the engine. */
export interface VolumeBackend {
  list(filters: Filters): MaybePromise<VolumeListResponse>;
  create(request: VolumeCreateRequest): MaybePromise<Volume>;
  inspect(name: string): MaybePromise<Volume>;
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Filters): Promise<VolumePruneResponse>;
}

export function addVolumeRoutes(router: Router, volumes: VolumeBackend): void {
  router.get("/volumes", async (call) => {
    call.json(200, await volumes.list(call.query.filters()));
  });

  router.post("/volumes/create", async (call) => {
    const request = await call.body("VolumeCreateRequest", VolumeCreateRequestSchema);
    if (request === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    if (request.ClusterVolumeSpec != null) throw unavailable(NOT_A_MANAGER);
    call.json(201, await volumes.create(request));
  });

  router.post("/volumes/prune", async (call) => {
    const filters = call.query.filters();
    // Named volumes are only pruned when asked for, but until v1.42 they always were.
    call.json(200, await volumes.prune(call.minor < 42 ? { ...filters, all: ["true"] } : filters));
  });

  router.get("/volumes/:name", async (call) => {
    call.json(200, await volumes.inspect(call.param("name")));
  });

  router.put("/volumes/:name", () => {
    throw unavailable(NOT_A_MANAGER);
  });

  router.delete("/volumes/:name", async (call) => {
    await volumes.remove(call.param("name"), { force: call.query.bool("force") });
    call.empty(204);
  });
}
