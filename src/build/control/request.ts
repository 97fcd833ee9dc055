import type { SolveRequest, TypedOptions } from "../../lib/buildkit/index.ts";
import { invalidParameter, notImplemented } from "../../lib/index.ts";
import type { SessionBuildOptions } from "../session/index.ts";
import { NO_LIMITS } from "../solve/limits.ts";

/** Options of the Dockerfile frontend that say nothing of the image: what the client can take, or what it writes into records. */
const WITHOUT_EFFECT = [
  /^frontend\.caps$/,
  /^requestid$/,
  /^multi-platform$/,
  /^cmdline$/,
  /^source$/,
  /^vcs:/,
  /^contextkey$/,
  /^input:/,
  // Compatibility with clients that also say it in `cache-imports`.
  /^cache-from$/,
];

/** What a BuildKit client asks of the Dockerfile frontend (`frontend/dockerui/config.go`) in the builder's words. */
export function buildOptions(
  request: SolveRequest,
  options: ReadonlyMap<string, string>,
): SessionBuildOptions {
  checkOptions(options);
  const text = (name: string) => options.get(name) ?? "";
  const prefixed = (prefix: string) =>
    Object.fromEntries(
      [...options].flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
      ),
    );
  const noCache = options.get("no-cache");
  const images = request.exporters.filter(({ type }) => ["image", "moby", "docker", "oci"].includes(type));
  return {
    sessionId: request.sessionId,
    buildId: "",
    remote: text("context") || "client-session",
    dockerfile: text("filename"),
    dockerfileInSession: text("context") !== "" && text("dockerfilekey") !== "",
    tags: unique(images.flatMap(({ options }) => list(options.get("name")))),
    target: text("target"),
    buildArgs: prefixed("build-arg:"),
    labels: prefixed("label:"),
    platforms: list(text("platform")),
    noCache: noCache === "",
    noCacheFilter: list(noCache),
    pull: text("image-resolve-mode") === "pull",
    squash: false,
    cacheFrom: cacheSources(text("cache-imports")),
    outputs: request.exporters.map(outputOption),
    run: { ...runOptions(text), entitlements: request.entitlements },
    contexts: prefixed("context:"),
    localSessions: prefixed("local-sessionid:"),
    directories: "",
    inlineCache: request.cacheExports.some(({ type }) => type === "inline"),
    cacheTo: request.cacheExports.filter(({ type }) => type !== "inline").map(outputOption),
    provenance: options.has("attest:provenance"),
    sbom: options.has("attest:sbom"),
    call: callOf(text("requestid")),
    quiet: false,
    wantsMetadata: true,
    wantsTrace: true,
  };
}

const KNOWN = [
  ...["context", "filename", "dockerfilekey", "target", "platform", "no-cache", "image-resolve-mode"],
  ...["cache-imports", "add-hosts", "shm-size", "ulimit", "cgroup-parent", "hostname", "force-network-mode"],
];
const ATTESTATIONS = ["attest:provenance", "attest:sbom"];
const KNOWN_PREFIXES = ["build-arg:", "label:", "context:", "local-sessionid:", "attest:"];

/** @throws NotImplemented for an option that would otherwise be ignored */
function checkOptions(options: ReadonlyMap<string, string>): void {
  for (const [name, value] of options) {
    if (KNOWN.includes(name) || WITHOUT_EFFECT.some((pattern) => pattern.test(name))) continue;
    if (!KNOWN_PREFIXES.some((prefix) => name.startsWith(prefix)))
      throw notImplemented(`unsupported option of the Dockerfile frontend: ${name}`);
    if (name.startsWith("attest:") && !ATTESTATIONS.includes(name))
      throw notImplemented(`attestations of this kind are not made: ${name.slice("attest:".length)}`);
    if (name.startsWith("context:") && value.startsWith("input:"))
      throw notImplemented(
        `the context ${name.slice("context:".length)} is another build's result: not supported`,
      );
  }
}

function outputOption({ type, options }: TypedOptions): SessionBuildOptions["outputs"][number] {
  return { Type: type, Attrs: Object.fromEntries(options) };
}

/** What clients ask of the frontend instead of a build (`frontend/subrequests`). @throws NotImplemented */
function callOf(request: string): SessionBuildOptions["call"] {
  const calls = {
    "": "build",
    "frontend.lint": "check",
    "frontend.outline": "outline",
    "frontend.targets": "targets",
  } as const;
  if (Object.hasOwn(calls, request)) return calls[request as keyof typeof calls];
  throw notImplemented(`unsupported request ${request}`);
}

function runOptions(text: (name: string) => string): Omit<SessionBuildOptions["run"], "entitlements"> {
  const network = text("force-network-mode");
  return {
    network: network === "" || network === "sandbox" ? "default" : network,
    extraHosts: list(text("add-hosts")).map((host) => host.replace("=", ":")),
    hostname: text("hostname") || undefined,
    shmSizeBytes: number("shm-size", text("shm-size")),
    ulimits: list(text("ulimit")).map(ulimit),
    cgroupParent: text("cgroup-parent") || undefined,
    ...NO_LIMITS,
    securityOptions: [],
  };
}

/** `nofile=1024:2048` */
function ulimit(text: string): SessionBuildOptions["run"]["ulimits"][number] {
  const [, name, soft, hard] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined || soft === undefined)
    throw invalidParameter(`invalid ulimit ${JSON.stringify(text)}`);
  return { Name: name, Soft: Number(soft), Hard: Number(hard ?? soft) };
}

/** JSON: `[{"Type":"registry","Attrs":{"ref":"…"}}]`. @throws NotImplemented for those of other kinds */
function cacheSources(text: string): string[] {
  if (text === "") return [];
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (error) {
    throw invalidParameter("cache-imports: malformed JSON", error);
  }
  if (!Array.isArray(entries)) throw invalidParameter("cache-imports: not a list");
  return entries.map((entry: { Type?: unknown; Attrs?: Record<string, unknown> } | null) => {
    const ref = entry?.Attrs?.["ref"];
    if (entry?.Type !== "registry" || typeof ref !== "string")
      throw notImplemented(`a cache of the type ${String(entry?.Type)} cannot be read: only registry`);
    return ref;
  });
}

function number(name: string, text: string): number | undefined {
  if (text === "") return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalidParameter(`invalid ${name}: ${JSON.stringify(text)}`);
}

const list = (text: string | undefined) => (text ?? "").split(",").filter((item) => item !== "");
const unique = (items: readonly string[]) => [...new Set(items)];
