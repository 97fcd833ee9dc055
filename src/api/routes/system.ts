import { invalidParameter } from "../../lib/index.ts";
import {
  type AuthConfig,
  AuthConfigSchema,
  type AuthResponse,
  type DiskUsage,
  type SystemInfo,
  type SystemVersion,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import { adaptDiskUsage } from "../compat.ts";
import type { Router } from "../router.ts";

type MaybePromise<T> = T | Promise<T>;

export type DiskUsageKind = "container" | "image" | "volume" | "build-cache";
const KINDS: readonly DiskUsageKind[] = ["container", "image", "volume", "build-cache"];

/** What these routes ask of the engine. */
export interface SystemBackend {
  /** `1`: the classic builder, `2`: BuildKit. */
  readonly builderVersion: "1" | "2";
  info(): MaybePromise<SystemInfo>;
  version(): MaybePromise<SystemVersion>;
  diskUsage(kinds: ReadonlySet<DiskUsageKind>, signal: AbortSignal): Promise<DiskUsage>;
  /** Checks credentials with a registry. */
  login(auth: AuthConfig): Promise<AuthResponse>;
}

export function addSystemRoutes(router: Router, system: SystemBackend): void {
  const ping = (call: Call) => {
    call.text(200, "OK", {
      "Builder-Version": system.builderVersion,
      "Cache-Control": "no-cache, no-store, must-revalidate",
      Pragma: "no-cache",
      Swarm: "inactive",
    });
  };
  router.get("/_ping", ping);
  router.head("/_ping", ping);

  router.get("/info", async (call) => {
    call.json(200, await system.info());
  });

  router.get("/version", async (call) => {
    call.json(200, await system.version());
  });

  router.get("/system/df", async (call) => {
    call.json(200, adaptDiskUsage(await system.diskUsage(kindsOf(call), call.signal), call.minor));
  });

  router.post("/auth", async (call) => {
    const auth = await call.body("AuthConfig", AuthConfigSchema);
    if (auth === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    call.json(200, await system.login(auth));
  });
}

function kindsOf(call: Call): ReadonlySet<DiskUsageKind> {
  const asked = call.minor >= 42 ? call.query.all("type") : [];
  for (const kind of asked) {
    if (!(KINDS as readonly string[]).includes(kind)) throw invalidParameter(`unknown object type: ${kind}`);
  }
  return new Set(asked.length === 0 ? KINDS : (asked as DiskUsageKind[]));
}
