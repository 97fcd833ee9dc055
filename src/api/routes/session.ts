import type { Duplex } from "node:stream";
import { conflict, invalidParameter } from "../../lib/index.ts";
import type { JsonMessage, Ulimit } from "../../wire/index.ts";
import { hasBody } from "../body.ts";
import type { Call } from "../call.ts";
import type { Query } from "../query.ts";
import type { Router } from "../router.ts";
import { sendProgress } from "../streams/json-lines.ts";

/** What a client says of itself in the headers of `POST /session`. */
export interface SessionFacts {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
  /** Paths of the calls that it answers. */
  readonly methods: ReadonlySet<string>;
}

/** `POST /build?version=2`, as BuildKit's clients ask for a build. */
export interface SessionBuildOptions {
  readonly sessionId: string;
  readonly buildId: string;
  readonly remote: string;
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly target: string;
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly platforms: readonly string[];
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  readonly squash: boolean;
  readonly cacheFrom: readonly string[];
  readonly outputs: readonly { readonly Type: string; readonly Attrs: Readonly<Record<string, string>> }[];
  readonly run: {
    readonly network: string;
    readonly extraHosts: readonly string[];
    readonly hostname: string | undefined;
    readonly shmSizeBytes: number | undefined;
    readonly ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
    readonly cgroupParent: string | undefined;
    readonly memoryBytes: number | undefined;
    readonly memorySwapBytes: number | undefined;
    readonly cpuShares: number | undefined;
    readonly cpuPeriod: number | undefined;
    readonly cpuQuota: number | undefined;
    readonly cpusetCpus: string | undefined;
    readonly cpusetMems: string | undefined;
    readonly securityOptions: readonly string[];
    /** What steps may ask for beyond what all may: `network.host`. */
    readonly entitlements: readonly string[];
  };
  readonly contexts: Readonly<Record<string, string>>;
  readonly directories: string;
  readonly inlineCache: boolean;
  readonly cacheTo: readonly { readonly Type: string; readonly Attrs: Readonly<Record<string, string>> }[];
  readonly provenance: boolean;
  readonly sbom: boolean;
  readonly call: BuildCall;
  readonly quiet: boolean;
  readonly wantsMetadata: boolean;
  readonly wantsTrace: boolean;
}

/** What these routes ask of the engine. */
export interface SessionBackend {
  /** @throws InvalidParameter, Conflict: before the connection is answered */
  checkSession(facts: SessionFacts): void;
  /** Answers BuildKit's own calls over a connection. Resolves when it has ended. */
  serveControl(socket: Duplex): Promise<void>;
  /** Resolves when the session has ended. */
  acceptSession(facts: SessionFacts, socket: Duplex): Promise<void>;
  build(
    options: SessionBuildOptions,
    body: { readonly kind: "none" | "tar" | "dockerfile"; bytes(): AsyncIterable<Uint8Array> },
    report: (message: { readonly id: string; readonly aux: unknown } | { readonly stream: string }) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const HEADER_LENGTH_MAX = 8192;

export function addSessionRoutes(router: Router, sessions: SessionBackend): void {
  router.post("/session", async (call) => {
    if (call.header("upgrade")?.toLowerCase() !== "h2c") {
      throw invalidParameter("an upgrade of the connection to h2c is needed for a session");
    }
    const facts = sessionFacts(call);
    sessions.checkSession(facts);
    await sessions.acceptSession(facts, takeOver(call));
  });

  router.post("/grpc", async (call) => {
    if (call.header("upgrade")?.toLowerCase() !== "h2c") {
      throw invalidParameter("an upgrade of the connection to h2c is needed for gRPC");
    }
    await call.onBehalf(() => sessions.serveControl(takeOver(call)));
  });
}

function takeOver(call: Call): Duplex {
  const upgrade = call.switchTo("h2c", {});
  if (upgrade === undefined) throw invalidParameter("the connection can not be upgraded");
  const { socket, head } = upgrade;
  // In a session a client speaks only when it is spoken to, but nothing says that it must not.
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function sessionFacts(call: Call): SessionFacts {
  const header = (name: string) =>
    (call.header(`x-docker-expose-session-${name}`) ?? "").slice(0, HEADER_LENGTH_MAX);
  const methods = header("grpc-method")
    .split(",")
    .map((method) => method.trim());
  return {
    id: header("uuid"),
    name: header("name"),
    sharedKey: header("sharedkey"),
    methods: new Set(methods.filter((method) => method !== "")),
  };
}

/**
 * Whether a request to `/build` is for BuildKit's way. A client of ours that has not asked yet who we are calls it `berth`, which
 * every other engine refuses at once.
 */
export function isSessionBuild(call: Call): boolean {
  const version = call.query.text("version");
  return version === "2" || version === "berth";
}

/** Answers `POST /build?version=2`: progress in BuildKit's own messages, the image's id at the end. */
export async function buildInSession(call: Call, sessions: SessionBackend): Promise<void> {
  const options = readOptions(call);
  const kind = bodyKind(call);
  const body = { kind, bytes: () => call.bytes() };
  await sendProgress(call, (report) =>
    // BuildKit's messages have what they like in `aux`: there the schema of JsonMessage does not hold.
    call.onBehalf(() =>
      sessions.build(options, body, (message) => report(message as JsonMessage), call.signal),
    ),
  );
}

function bodyKind(call: Call): "none" | "tar" | "dockerfile" {
  if (!hasBody(call.request)) return "none";
  return call.header("content-type")?.startsWith("text/x-dockerfile") ? "dockerfile" : "tar";
}

function readOptions(call: Call): SessionBuildOptions {
  const { query } = call;
  return {
    sessionId: query.text("session"),
    buildId: query.text("buildid"),
    remote: query.text("remote"),
    dockerfile: query.text("dockerfile"),
    tags: query.all("t").filter((tag) => tag !== ""),
    target: query.text("target"),
    buildArgs: json(query, "buildargs", isRecordOf(isTextOrNull)) ?? {},
    labels: json(query, "labels", isRecordOf(isText)) ?? {},
    platforms: query
      .text("platform")
      .split(",")
      .filter((platform) => platform !== ""),
    noCache: query.bool("nocache"),
    noCacheFilter: json(query, "nocachefilter", isListOf(isText)) ?? [],
    pull: query.bool("pull"),
    squash: query.bool("squash"),
    cacheFrom: json(query, "cachefrom", isListOf(isText)) ?? [],
    outputs: typedList(query, "outputs"),
    run: runOptions(query),
    contexts: json(query, "contexts", isRecordOf(isText)) ?? {},
    directories: offeredDirectories(call),
    inlineCache: query.bool("inlinecache"),
    cacheTo: typedList(query, "cacheto"),
    provenance: query.bool("provenance"),
    sbom: query.bool("sbom"),
    call: callIn(query),
    quiet: query.bool("q"),
    wantsMetadata: query.bool("metadata"),
    wantsTrace: query.bool("trace", true),
  };
}

type BuildCall = "build" | "check" | "outline" | "targets";
const CALLS: ReadonlySet<string> = new Set<BuildCall>(["build", "check", "outline", "targets"]);

/** `call`, in buildx' words; `check` alone was there before. */
function callIn(query: Query): BuildCall {
  const call = query.text("call") || (query.bool("check") ? "check" : "build");
  if (!CALLS.has(call)) throw invalidParameter(`unsupported call ${JSON.stringify(call)}`);
  return call as BuildCall;
}

/** Outputs and places of caches, as BuildKit's clients write them. */
function typedList(query: Query, name: string) {
  const list = json(query, name, isListOf(isOutput)) ?? [];
  return list.map(({ Type, Attrs }) => ({ Type, Attrs: Attrs ?? {} }));
}

/** @throws Conflict for a client that is not on this machine, upon which it sends its files */
function offeredDirectories(call: Call): string {
  const header = call.header("x-berth-context-fd") ?? "";
  if (header !== "" && !call.isOnSocket) {
    throw conflict("X-Berth-Context-Fd is for clients on a Unix socket");
  }
  return header;
}

export function runOptions(query: Query): SessionBuildOptions["run"] {
  const number = (name: string) => query.integer(name) || undefined;
  return {
    network: query.text("networkmode") || "default",
    extraHosts: query
      .text("extrahosts")
      .split(",")
      .filter((host) => host !== ""),
    hostname: query.optional("hostname"),
    shmSizeBytes: number("shmsize"),
    ulimits: json(query, "ulimits", isListOf(isUlimit)) ?? [],
    cgroupParent: query.optional("cgroupparent"),
    memoryBytes: number("memory"),
    memorySwapBytes: number("memswap"),
    cpuShares: number("cpushares"),
    cpuPeriod: number("cpuperiod"),
    cpuQuota: number("cpuquota"),
    cpusetCpus: query.optional("cpusetcpus"),
    cpusetMems: query.optional("cpusetmems"),
    securityOptions: json(query, "securityopt", isListOf(isText)) ?? [],
    entitlements: json(query, "allow", isListOf(isText)) ?? [],
  };
}

// ——— values in the query ———

type Check<T> = (value: unknown) => value is T;

export const isText: Check<string> = (value) => typeof value === "string";
export const isTextOrNull: Check<string | null> = (value) => value === null || typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function isListOf<T>(isItem: Check<T>): Check<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(isItem);
}

export function isRecordOf<T>(isItem: Check<T>): Check<Record<string, T>> {
  return (value): value is Record<string, T> => isObject(value) && Object.values(value).every(isItem);
}

const isOutput: Check<{ Type: string; Attrs?: Record<string, string> | null }> = (
  value,
): value is {
  Type: string;
  Attrs?: Record<string, string> | null;
} =>
  isObject(value) &&
  isText(value["Type"]) &&
  (value["Attrs"] === undefined || value["Attrs"] === null || isRecordOf(isText)(value["Attrs"]));

const isUlimit: Check<Required<Ulimit>> = (value): value is Required<Ulimit> =>
  isObject(value) &&
  isText(value["Name"]) &&
  typeof value["Soft"] === "number" &&
  typeof value["Hard"] === "number";

/** JSON within the query; undefined where it is missing or `null`. @throws InvalidParameter */
export function json<T>(query: Query, name: string, isValue: Check<T>): T | undefined {
  const text = query.text(name);
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidParameter(`error reading ${name}: malformed JSON`, error);
  }
  if (value === null) return undefined;
  if (!isValue(value)) throw invalidParameter(`error reading ${name}: unexpected value`);
  return value;
}
