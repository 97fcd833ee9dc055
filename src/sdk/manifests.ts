import type { ManifestListPushRequest, ManifestListPushResponse, RegistryManifests } from "../wire/index.ts";
import type { Call, Engine } from "./engine.ts";
import { ownOfBerth } from "./own-of-berth.ts";
import { segment } from "./query.ts";

export interface ManifestAccess {
  /** The value of `X-Registry-Auth`. */
  readonly auth?: string | undefined;
  /** The registry may do without TLS, or have any certificate. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Manifests in registries, by way of the engine; berth's own, which no other engine has. */
export class Manifests {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What a registry has under a name: one image, or all images of a list. */
  get(name: string, access: ManifestAccess = {}): Promise<RegistryManifests> {
    return ownOfBerth(this.#engine.json({ method: "GET", path: at(name), ...sent(access) }));
  }

  /** Gives a registry a manifest list. */
  pushList(
    name: string,
    request: ManifestListPushRequest,
    access: ManifestAccess = {},
  ): Promise<ManifestListPushResponse> {
    return ownOfBerth(this.#engine.json({ method: "POST", path: at(name), json: request, ...sent(access) }));
  }
}

function at(name: string): string {
  return `/berth/manifests/${segment("image", name)}`;
}

function sent({ auth, insecure, signal }: ManifestAccess): Pick<Call, "query" | "headers" | "signal"> {
  return {
    signal,
    query: { insecure: insecure === true ? "1" : undefined },
    headers: auth === undefined ? {} : { "X-Registry-Auth": auth },
  };
}
