import type { BuildBackend, ClassicBuildOptions } from "../api/index.ts";
import {
  type BuildControl,
  type BuildRequest,
  type Builds,
  ClassicProgress,
  type ClientServices,
  type ContextSource,
  type SessionBuilds,
} from "../build/index.ts";
import { type Digest, digestOf, invalidParameter, notFound } from "../lib/index.ts";
import type { AttestationStatement, AuthConfig } from "../wire/index.ts";

/** The builder behind the API: requests in Docker's words become the builder's own. */
export function buildBackend(
  builds: Builds,
  sessions: SessionBuilds,
  control: Pick<BuildControl, "serve">,
): BuildBackend {
  const running = new Map<string, AbortController>();
  return {
    checkSession: (facts) => sessions.checkSession(facts),
    serveControl: (socket) => control.serve(socket),
    acceptSession: (facts, socket) => sessions.acceptSession(facts, socket),
    build: (options, body, report, signal) => sessions.build(options, body, report, signal),
    pruneBuildCache: (options) => builds.prune(options),
    attestations: (imageId) => builds.provenance(imageId as Digest).map(attestation),
    cancelBuild: (id) => {
      sessions.cancel(id);
      running.get(id)?.abort(new Error("context canceled"));
    },
    buildClassic: async (options, context, report, signal) => {
      const abort = new AbortController();
      const { buildId } = options;
      const isNamed = buildId !== "" && !running.has(buildId);
      if (isNamed) running.set(buildId, abort);
      const progress = new ClassicProgress(options, report);
      try {
        const request = classicRequest(options, context, progress);
        const { imageId } = await builds.build(
          request,
          progress.report,
          AbortSignal.any([signal, abort.signal]),
        );
        progress.finish(imageId, options.tags.map(familiarName));
      } catch (error) {
        signal.throwIfAborted();
        throw progress.failed(error);
      } finally {
        if (isNamed) running.delete(buildId);
      }
    },
  };
}

/** A statement with its digest, as Docker tells of attestations. */
function attestation(text: string): AttestationStatement {
  const statement = JSON.parse(text) as { readonly predicateType: string };
  return {
    Descriptor: {
      mediaType: "application/vnd.in-toto+json",
      digest: digestOf(text),
      size: Buffer.byteLength(text),
      annotations: { "in-toto.io/predicate-type": statement.predicateType },
    },
    PredicateType: statement.predicateType,
    Statement: { ...statement },
  };
}

function classicRequest(
  options: ClassicBuildOptions,
  context: AsyncIterable<Uint8Array> | undefined,
  progress: ClassicProgress,
): BuildRequest {
  const { tags, target, noCache, pull, cacheFrom, squash, run, platform } = options;
  const buildArgs = new Map(
    Object.entries(options.buildArgs).filter((pair): pair is [string, string] => pair[1] !== null),
  );
  return {
    dockerfile: { fileName: options.dockerfile || "Dockerfile" },
    contexts: new Map([["", contextOf(options, context)]]),
    services: headerServices(options.registryConfig),
    tags,
    target,
    buildArgs,
    labels: new Map(Object.entries(options.labels)),
    platforms: platform === "" ? [] : [platform],
    noCache,
    pull,
    cacheFrom,
    inlineCache: false,
    cacheTo: [],
    squash,
    run,
    call: "build",
    outputs: [{ kind: "image", push: false }],
    provenance: true,
    sbom: false,
    sourceDateEpoch: undefined,
    onPlan: (planned) => progress.planned(planned, buildArgs),
  };
}

function contextOf(
  { remote }: ClassicBuildOptions,
  context: AsyncIterable<Uint8Array> | undefined,
): ContextSource {
  if (remote !== "") return { kind: "remote", url: remote };
  if (context === undefined) throw invalidParameter("the build has no context: neither a body nor remote=");
  return { kind: "tar", bytes: context };
}

/** A classic client gives nothing while the build runs; credentials came with the request. */
function headerServices(registryConfig: string | undefined): ClientServices {
  const known = readRegistryConfig(registryConfig);
  const needsSession = (what: string) =>
    notFound(`${what}: the classic builder has no session to ask for it`);
  return {
    credentials: async (registry) => known.get(hostOf(registry)),
    secret: async (id) => {
      throw needsSession(`secret ${id}`);
    },
    sshAgent: async (id) => {
      throw needsSession(`ssh agent ${id}`);
    },
  };
}

const DOCKER_HUB = new Set(["index.docker.io", "registry-1.docker.io", "docker.io"]);

/** `https://index.docker.io/v1/` is how Docker's own registry is written. */
function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return DOCKER_HUB.has(host) ? "docker.io" : host;
}

/** `X-Registry-Config`: JSON in base64, credentials by server. Each becomes what `X-Registry-Auth` has. */
function readRegistryConfig(header: string | undefined): ReadonlyMap<string, string> {
  if (header === undefined || header === "") return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(header, "base64").toString("utf8"));
  } catch {
    // Docker's daemon ignores what it cannot read, for the clients of old.
    return new Map();
  }
  if (typeof parsed !== "object" || parsed === null) return new Map();
  return new Map(
    Object.entries(parsed as Record<string, AuthConfig>).map(([server, auth]) => [
      hostOf(server),
      Buffer.from(JSON.stringify({ ...auth, serveraddress: auth?.serveraddress || server })).toString(
        "base64url",
      ),
    ]),
  );
}

/** As Docker shows a name: without what goes without saying, but with its tag. */
function familiarName(tag: string): string {
  const short = tag.replace(/^(?:index\.)?docker\.io\/(?:library\/)?/, "");
  return short.lastIndexOf(":") > short.lastIndexOf("/") ? short : `${short}:latest`;
}
