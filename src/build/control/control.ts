import type { Duplex } from "node:stream";
import {
  decodeDiskUsageFilters,
  decodeFrontendRequest,
  decodePruneRequest,
  decodeRef,
  decodeReturnRequest,
  decodeSolveRequest,
  ENGINE_METHODS,
  encodeDiskUsage,
  encodeFrontendResult,
  encodeInfo,
  encodePong,
  encodeSolveResponse,
  encodeUsageRecord,
  encodeWorkers,
  type FrontendRequest,
  GrpcError,
  GrpcStatus,
  type PruneRequest,
  type SolveRequest,
  type UsageRecord,
  type Worker,
} from "../../lib/buildkit/index.ts";
import { type Handler, type Handlers, type ServedCall, serveCalls, unary } from "../../lib/grpc/index.ts";
import { newId } from "../../lib/index.ts";
import type { Builds, CacheRecordSummary, PruneOptions } from "../builder-contract.ts";
import { recordFilter } from "../cache/index.ts";
import type { SessionBuilds, TraceMessage } from "../session/index.ts";
import { callDuplex } from "./call-duplex.ts";
import { callResult } from "./call-result.ts";
import { grpcErrorOf } from "./failure.ts";
import { containerdFilters } from "./filters.ts";
import { type Job, Jobs } from "./jobs.ts";
import { lintResult } from "./lint.ts";
import { buildOptions } from "./request.ts";

/** What the API does for its clients. */
export interface ControlBuilds {
  readonly builds: Builds;
  readonly sessions: SessionBuilds;
  /** This machine, as the one worker that there is. */
  worker(): Worker;
}

/**
 * What the engine's side of the bridge does (`frontend/gateway/pb/caps.go`). Without what is about file trees that were built and
 * are looked into, or containers run in them: clients then do without.
 */
const CAPABILITIES = [
  ...["solve.base", "return", "returnmap", "proto.refarray", "importcaches", "frontend.caps"],
  ...["gateway.solve.metadata", "gateway.evaluate"],
];

const BUILD_ID = "buildkit-controlapi-buildid";
const NANOSECONDS_PER_MS = 1_000_000;

/**
 * BuildKit's `Control` and `LLBBridge`, as far as a build of a Dockerfile needs them. A client asks for the build (`Solve`), tells
 * what the frontend is to do (`LLBBridge/Solve`), and returns what came of it; only then is anything built, for what the client
 * wants of the result is known by then.
 */
export class BuildControl {
  readonly #parts: ControlBuilds;
  readonly #jobs = new Jobs();
  readonly #handlers: Handlers;

  constructor(parts: ControlBuilds) {
    this.#parts = parts;
    const { worker } = parts;
    const methods: readonly (readonly [string, Handler])[] = [
      [ENGINE_METHODS.info, unary(() => encodeInfo(worker().version))],
      [ENGINE_METHODS.listWorkers, unary(() => encodeWorkers([worker()]))],
      [ENGINE_METHODS.solve, unary((message, call) => this.#solve(decodeSolveRequest(message), call.signal))],
      [ENGINE_METHODS.status, (call) => this.#status(call)],
      [ENGINE_METHODS.session, (call) => this.#session(call)],
      [ENGINE_METHODS.diskUsage, unary((message) => this.#diskUsage(decodeDiskUsageFilters(message)))],
      [ENGINE_METHODS.prune, (call) => this.#prune(call)],
      [ENGINE_METHODS.ping, unary(() => encodePong(CAPABILITIES, [worker()]))],
      [ENGINE_METHODS.solveFrontend, unary((message, call) => this.#frontend(message, call))],
      [ENGINE_METHODS.evaluate, unary((message, call) => this.#evaluate(decodeRef(message), call))],
      [ENGINE_METHODS.return, unary((message, call) => this.#return(message, call))],
    ];
    this.#handlers = new Map(methods.map(([path, handler]) => [path, translated(handler)]));
  }

  /** Answers a client's calls. Resolves when its connection has ended. */
  async serve(socket: Duplex): Promise<void> {
    await serveCalls(socket, this.#handlers, { headerPairs: 256, headerBytes: 64 * 1024 }).closed;
  }

  async #solve(request: SolveRequest, signal: AbortSignal): Promise<Uint8Array> {
    if (request.hasDefinition) throw new GrpcError(GrpcStatus.unimplemented, NO_LLB);
    const job = this.#jobs.open(request);
    try {
      const wanted = request.frontend === "" ? await returned(job, signal) : request;
      if (wanted === undefined) return encodeSolveResponse({});
      // Without an exporter nothing but the cache is wanted.
      const exporters = request.exporters.length > 0 ? request.exporters : CACHE_ONLY;
      return encodeSolveResponse(await this.#build(job, exporters, wanted, signal));
    } finally {
      this.#jobs.close(job);
    }
  }

  /** @returns what clients are told of the result (`exporter/containerimage/exptypes`) */
  async #build(
    job: Job,
    exporters: SolveRequest["exporters"],
    { frontend, options }: Pick<FrontendRequest, "frontend" | "options">,
    signal: AbortSignal,
  ): Promise<Record<string, string>> {
    checkFrontend(frontend, options);
    const told: Record<string, string> = {};
    const report = (message: TraceMessage) => {
      if (!("aux" in message)) return;
      if (message.id === "moby.buildkit.trace") job.tell(Buffer.from(String(message.aux), "base64"));
      else if (message.id === "berth.build.metadata") Object.assign(told, textsOf(message.aux));
    };
    const build = buildOptions({ ...job.request, exporters }, options);
    await this.#parts.sessions.build(build, NO_BODY, report, signal);
    return told;
  }

  async #status({ received, send, signal }: ServedCall): Promise<void> {
    for await (const message of received) {
      const job = await this.#jobs.find(decodeRef(message), signal);
      for await (const told of job.told(signal)) await send(told);
      return;
    }
  }

  /** A session within a call, for clients that have no other connection. Its end is the session's. */
  async #session(call: ServedCall): Promise<void> {
    const about = (name: string) => call.metadata[`x-docker-expose-session-${name}`] ?? [];
    const facts = {
      id: about("uuid")[0] ?? "",
      name: about("name")[0] ?? "",
      sharedKey: about("sharedkey")[0] ?? "",
      methods: new Set(about("grpc-method")),
    };
    await this.#parts.sessions.acceptSession(facts, callDuplex(call));
  }

  async #frontend(message: Uint8Array, call: ServedCall): Promise<Uint8Array> {
    const job = await this.#jobOf(call);
    const request = decodeFrontendRequest(message);
    if (request.hasDefinition) throw new GrpcError(GrpcStatus.unimplemented, NO_LLB);
    checkFrontend(request.frontend, request.options);
    if (request.options.has("requestid")) return encodeFrontendResult("", await this.#call(request, call));
    const ref = newId();
    job.results.set(ref, request);
    return encodeFrontendResult(ref);
  }

  /** What clients ask for instead of a build (`--call`). */
  async #call(request: FrontendRequest, call: ServedCall): Promise<Record<string, Uint8Array>> {
    const job = await this.#jobOf(call);
    const messages: Uint8Array[] = [];
    let answer: unknown;
    const report = (message: TraceMessage) => {
      if (!("aux" in message)) return;
      if (message.id === "moby.buildkit.trace") messages.push(Buffer.from(String(message.aux), "base64"));
      else if (message.id === "berth.build.answer") answer = message.aux;
    };
    const options = buildOptions({ ...job.request, exporters: CACHE_ONLY }, request.options);
    await this.#parts.sessions.build(options, NO_BODY, report, call.signal);
    return options.call === "check" ? lintResult(messages) : callResult(answer);
  }

  /** What was asked of the frontend is done now, into the cache: clients wait so for what another build goes on with. */
  async #evaluate(ref: string, call: ServedCall): Promise<Uint8Array> {
    const job = await this.#jobOf(call);
    const wanted = job.results.get(ref);
    if (wanted === undefined) throw new GrpcError(GrpcStatus.notFound, `no such ref: ${ref}`);
    await this.#build(job, CACHE_ONLY, wanted, call.signal);
    return NOTHING;
  }

  async #return(message: Uint8Array, call: ServedCall): Promise<Uint8Array> {
    const job = await this.#jobOf(call);
    job.returned.resolve(decodeReturnRequest(message));
    return NOTHING;
  }

  #jobOf({ metadata, signal }: ServedCall): Promise<Job> {
    return this.#jobs.find(metadata[BUILD_ID]?.[0] ?? "", signal);
  }

  async #diskUsage(filters: readonly string[]): Promise<Uint8Array> {
    const { matches } = recordFilter(containerdFilters(filters), Date.now());
    const records = await this.#parts.builds.diskUsage();
    return encodeDiskUsage(records.filter(matches).map(usageRecord));
  }

  async #prune({ received, send }: ServedCall): Promise<void> {
    for await (const message of received) {
      const request = decodePruneRequest(message);
      const before = new Map((await this.#parts.builds.diskUsage()).map((record) => [record.id, record]));
      const { removed } = await this.#parts.builds.prune(pruneOptions(request));
      for (const id of removed) {
        const record = before.get(id);
        if (record !== undefined) await send(encodeUsageRecord(usageRecord(record)));
      }
      return;
    }
  }
}

const NO_LLB = "a definition of operations (LLB) cannot be built: only Dockerfiles can";
const CACHE_ONLY = [{ type: "cacheonly", options: new Map<string, string>() }];
const NOTHING = new Uint8Array(0);

const NO_BODY = {
  kind: "none" as const,
  async *bytes(): AsyncGenerator<Uint8Array, void> {},
};

/** A frontend out of an image would be a program of the client's, or of whoever wrote the Dockerfile: none is run. */
function checkFrontend(frontend: string, options: ReadonlyMap<string, string>): void {
  const source = options.get("source") ?? "";
  const isDockerfile = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@].*)?$/.test(source);
  if (frontend === "dockerfile.v0" || (frontend === "gateway.v0" && isDockerfile)) return;
  throw new GrpcError(
    GrpcStatus.unimplemented,
    `unsupported frontend ${frontend}${source === "" ? "" : ` (${source})`}: only Dockerfiles can be built`,
  );
}

/** What the client wants exported; undefined: nothing. @throws why it gave up */
async function returned(job: Job, signal: AbortSignal): Promise<FrontendRequest | undefined> {
  const gone = Promise.withResolvers<never>();
  const leave = () => gone.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    signal.throwIfAborted();
    const { refs, error } = await Promise.race([job.returned.promise, gone.promise]);
    if (error !== undefined) throw new GrpcError(error.status, error.message);
    const [ref, ...others] = refs;
    if (ref === undefined) return undefined;
    if (others.length > 0)
      throw new GrpcError(GrpcStatus.unimplemented, "several results cannot be exported");
    const wanted = job.results.get(ref);
    if (wanted === undefined) throw new GrpcError(GrpcStatus.notFound, `no such ref: ${ref}`);
    return wanted;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Values that are no texts go as JSON in base64, as BuildKit has them. */
function textsOf(metadata: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata as Record<string, unknown>)
      .filter(([key]) => !key.startsWith("berth."))
      .map(([key, value]) => [
        key,
        typeof value === "string" ? value : Buffer.from(JSON.stringify(value)).toString("base64"),
      ]),
  );
}

function usageRecord(record: CacheRecordSummary): UsageRecord {
  const { id, inUse, sizeBytes, parents, createdAt, lastUsedAt, usageCount, description, type, shared } =
    record;
  return {
    id,
    mutable: type === "exec.cachemount" || type === "source.local",
    inUse,
    sizeBytes,
    parents,
    createdAt: createdAt.getTime(),
    lastUsedAt: lastUsedAt?.getTime(),
    usageCount,
    description,
    type,
    shared,
  };
}

function pruneOptions(request: PruneRequest): PruneOptions {
  const { all, filters, keepNanoseconds, reservedBytes, maxUsedBytes, minFreeBytes } = request;
  const conditions = containerdFilters(filters);
  if (keepNanoseconds > 0) conditions["until"] = [`${keepNanoseconds / NANOSECONDS_PER_MS}ms`];
  return {
    all,
    filters: conditions,
    keepBytes: reservedBytes || undefined,
    maxUsedBytes: maxUsedBytes || undefined,
    minFreeBytes: minFreeBytes || undefined,
  };
}

/** Failures in gRPC's terms, for clients of BuildKit. */
function translated(handler: Handler): Handler {
  return async (call) => {
    try {
      await handler(call);
    } catch (error) {
      throw grpcErrorOf(error);
    }
  };
}
