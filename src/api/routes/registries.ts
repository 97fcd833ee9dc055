import { invalidParameter } from "../../lib/index.ts";
import type { DistributionInspect, ImageSearchItem } from "../../wire/index.ts";
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
}

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
}
