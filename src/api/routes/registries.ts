import { invalidParameter } from "../../lib/index.ts";
import {
  type DistributionInspect,
  type ImageSearchItem,
  type ManifestListPushRequest,
  ManifestListPushRequestSchema,
  type ManifestListPushResponse,
  type RegistryManifests,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import type { Filters } from "../filters.ts";
import type { Router } from "../router.ts";

/** What these routes ask of the engine. `auth` is the value of `X-Registry-Auth`. */
export interface RegistryBackend {
  search(
    term: string,
    options: { limit?: number; filters: Filters },
    signal: AbortSignal,
  ): Promise<ImageSearchItem[]>;
  distribution(name: string, auth: string | undefined, signal: AbortSignal): Promise<DistributionInspect>;
  manifests(name: string, how: ManifestAccess, signal: AbortSignal): Promise<RegistryManifests>;
  pushManifestList(
    name: string,
    request: ManifestListPushRequest,
    how: ManifestAccess,
    signal: AbortSignal,
  ): Promise<ManifestListPushResponse>;
}

/** How a registry is spoken to for one request. */
interface ManifestAccess {
  readonly auth: string | undefined;
  /** Without TLS, or with any certificate. */
  readonly insecure: boolean;
}

const accessOf = (call: Call): ManifestAccess => ({
  auth: call.header("x-registry-auth"),
  insecure: call.query.bool("insecure"),
});

export function addRegistryRoutes(router: Router, registries: RegistryBackend): void {
  router.get("/images/search", async (call) => {
    const term = call.query.text("term");
    if (term === "") throw invalidParameter("no search term was given");
    const options = { limit: call.query.integer("limit"), filters: call.query.filters() };
    call.json(200, await registries.search(term, options, call.signal));
  });

  router.get("/distribution/:name{.+}/json", async (call) => {
    const auth = call.header("x-registry-auth");
    call.json(200, await registries.distribution(call.param("name"), auth, call.signal));
  });

  // Docker's client speaks to registries by itself; ours leaves that to the engine, which knows how they are reached.
  router.get("/berth/manifests/:name{.+}", async (call) => {
    call.json(200, await registries.manifests(call.param("name"), accessOf(call), call.signal));
  });

  router.post("/berth/manifests/:name{.+}", async (call) => {
    const request = await call.body("ManifestListPushRequest", ManifestListPushRequestSchema);
    if (request === undefined) throw invalidParameter("the request has no body");
    call.json(
      201,
      await registries.pushManifestList(call.param("name"), request, accessOf(call), call.signal),
    );
  });
}
