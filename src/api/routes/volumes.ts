import { invalidParameter, unavailable } from "../../lib/index.ts";
import {
  type Volume,
  type VolumeCreateRequest,
  VolumeCreateRequestSchema,
  type VolumeListResponse,
  type VolumePruneResponse,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
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
  /** A volume's files as a tar stream; `pause`: the containers that use it stand still meanwhile. */
  export(name: string, options: { pause: boolean }): Promise<AsyncIterable<Uint8Array>>;
  /** Fills a volume from a tar stream, and makes it where there is none. */
  import(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: { labels: Readonly<Record<string, string>>; overwrite: boolean; signal: AbortSignal },
  ): Promise<Volume>;
  /** A new volume with the files of another one. */
  clone(
    name: string,
    request: VolumeCreateRequest,
    options: { pause: boolean; signal: AbortSignal },
  ): Promise<Volume>;
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

  router.get("/volumes/:name{.+}", async (call) => {
    call.json(200, await volumes.inspect(call.param("name")));
  });

  // Only volumes of a cluster can be changed.
  router.put("/volumes/:name{.+}", () => {
    throw unavailable(NOT_A_MANAGER);
  });

  router.delete("/volumes/:name{.+}", async (call) => {
    await volumes.remove(call.param("name"), { force: call.query.bool("force") });
    call.empty(204);
  });
}

/** What Docker has no routes for: below a word of berth's own, which no later version of Docker's API will have. */
export function addVolumeTransferRoutes(router: Router, volumes: VolumeBackend): void {
  router.get("/berth/volumes/:name{.+}/export", async (call) => {
    const tar = await volumes.export(call.param("name"), { pause: pauseOf(call) });
    await call.stream("application/x-tar", tar);
  });

  router.post("/berth/volumes/:name{.+}/import", async (call) => {
    const options = {
      labels: labelsOf(call),
      overwrite: call.query.bool("overwrite"),
      signal: call.signal,
    };
    call.json(201, await volumes.import(call.param("name"), call.bytes(), options));
  });

  router.post("/berth/volumes/:name{.+}/clone", async (call) => {
    const request = (await call.body("VolumeCreateRequest", VolumeCreateRequestSchema)) ?? {};
    const options = { pause: pauseOf(call), signal: call.signal };
    call.json(201, await volumes.clone(call.param("name"), request, options));
  });
}

/** As with `commit`: yes, unless it says no. */
function pauseOf(call: Call): boolean {
  return call.query.text("pause") === "" || call.query.bool("pause");
}

/** `label=key=value`, any number of times. */
function labelsOf(call: Call): Record<string, string> {
  return Object.fromEntries(
    call.query.all("label").map((label) => {
      const at = label.indexOf("=");
      return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
    }),
  );
}
