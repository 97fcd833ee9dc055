import { invalidParameter } from "../../lib/index.ts";
import type { AttestationStatement, JsonMessage } from "../../wire/index.ts";
import { hasBody } from "../body.ts";
import type { Call } from "../call.ts";
import type { Filters } from "../filters.ts";
import { platformIn } from "../platform.ts";
import type { Router } from "../router.ts";
import { sendProgress } from "../streams/json-lines.ts";
import {
  buildInSession,
  isListOf,
  isRecordOf,
  isSessionBuild,
  isText,
  isTextOrNull,
  json,
  runOptions,
  type SessionBackend,
  type SessionBuildOptions,
} from "./session.ts";

/** `POST /build` as Docker's classic builder is asked. */
export interface ClassicBuildOptions {
  readonly buildId: string;
  /** An address that the engine fetches the context from; empty: the body is its tar. */
  readonly remote: string;
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly target: string;
  /** Without a value: the argument is not given after all. */
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly cacheFrom: readonly string[];
  readonly squash: boolean;
  readonly quiet: boolean;
  readonly remove: boolean;
  readonly run: SessionBuildOptions["run"];
  /** The value of `X-Registry-Config`. */
  readonly registryConfig: string | undefined;
}

export interface BuildPruneOptions {
  readonly all: boolean;
  readonly filters: Filters;
  readonly keepBytes: number | undefined;
  readonly maxUsedBytes: number | undefined;
  readonly minFreeBytes: number | undefined;
}

/** What these routes ask of the engine. */
export interface BuildBackend extends SessionBackend {
  buildClassic(
    options: ClassicBuildOptions,
    context: AsyncIterable<Uint8Array> | undefined,
    report: (message: JsonMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** What is said of an image by whoever built it here, the newest first. */
  attestations(imageId: string): AttestationStatement[];
  /** Nothing happens where none of this id runs. */
  cancelBuild(buildId: string): void;
  pruneBuildCache(
    options: BuildPruneOptions,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
}

/** Which image a name is. */
export interface BuiltImages {
  /** @throws NotFound, also where the image is of another platform */
  inspect(name: string, options: { platform?: string; manifests: boolean }): Promise<{ readonly Id: string }>;
}

export function addBuildRoutes(router: Router, builds: BuildBackend, images: BuiltImages): void {
  router.post("/build", async (call) => {
    if (isSessionBuild(call)) {
      await buildInSession(call, builds);
      return;
    }
    const options = readOptions(call);
    const context = hasBody(call.request) ? call.bytes() : undefined;
    await sendProgress(call, (report) =>
      call.onBehalf(() => builds.buildClassic(options, context, report, call.signal)),
    );
  });

  router.post("/build/cancel", (call) => {
    const id = call.query.text("id");
    if (id === "") throw invalidParameter("build ID not provided");
    builds.cancelBuild(id);
    call.empty(200);
  });

  router.get("/images/:name{.+}/attestations", async (call) => {
    const [platform, ...others] = call.query.all("platform").map(platformIn);
    if (others.length > 0) throw invalidParameter("only one platform may be given");
    const { Id } = await images.inspect(call.param("name"), { platform, manifests: false });
    const types = call.query.all("type");
    const withStatement = call.query.bool("statement");
    const found = builds
      .attestations(Id)
      .filter(({ PredicateType }) => types.length === 0 || types.includes(PredicateType));
    const answer = withStatement ? found : found.map(({ Statement: _, ...rest }) => rest);
    call.json(200, answer satisfies AttestationStatement[]);
  });

  router.post("/build/prune", async (call) => {
    const { query } = call;
    const bytes = (name: string) => query.integer(name) || undefined;
    const { removed, reclaimedBytes } = await builds.pruneBuildCache({
      all: query.bool("all"),
      filters: query.filters(),
      keepBytes: bytes("reserved-space") ?? bytes("keep-storage"),
      maxUsedBytes: bytes("max-used-space"),
      minFreeBytes: bytes("min-free-space"),
    });
    call.json(200, { CachesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimedBytes });
  });
}

/** Every parameter of the classic builder: honoured, or refused. @throws InvalidParameter */
function readOptions(call: Call): ClassicBuildOptions {
  const { query } = call;
  const version = query.text("version");
  if (version !== "" && version !== "1") throw invalidParameter(`invalid version ${version}`);
  const isolation = query.text("isolation").toLowerCase();
  if (isolation !== "" && isolation !== "default") {
    throw invalidParameter(`Unsupported isolation: ${JSON.stringify(isolation)}`);
  }
  if (query.has("outputs") && query.text("outputs") !== "") {
    throw invalidParameter("outputs are of the builder of version 2: ask for version=2");
  }
  const remote = query.text("remote");
  if (remote === "client-session") {
    throw invalidParameter("a context in a session is of the builder of version 2: ask for version=2");
  }
  const run = runOptions(query);
  if (run.shmSizeBytes !== undefined && run.shmSizeBytes < 0)
    throw invalidParameter("SHM size can not be less than 0");
  return {
    buildId: query.text("buildid"),
    remote,
    dockerfile: query.text("dockerfile"),
    tags: query.all("t").filter((tag) => tag !== ""),
    target: query.text("target"),
    buildArgs: json(query, "buildargs", isRecordOf(isTextOrNull)) ?? {},
    labels: json(query, "labels", isRecordOf(isText)) ?? {},
    platform: query.text("platform"),
    noCache: query.bool("nocache"),
    pull: query.bool("pull"),
    cacheFrom: json(query, "cachefrom", isListOf(isText)) ?? [],
    squash: query.bool("squash"),
    quiet: query.bool("q"),
    // The two are about the containers of steps, of which none is left behind in any case.
    remove: query.bool("rm", true) || query.bool("forcerm"),
    run,
    registryConfig: call.header("x-registry-config"),
  };
}
