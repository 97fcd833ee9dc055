import type { Digest } from "../lib/index.ts";
import type { BuildPlan, Dockerfile } from "./dockerfile/index.ts";
import type { BuildGraph, Vertex } from "./graph/index.ts";
import type { ClientServices } from "./ports.ts";
import type { BuildEvent } from "./progress/events.ts";
import type { RunSettings, SourceTree } from "./solve/contract.ts";

/** Everything that one build is asked to do, in whatever way it was asked. */
export interface BuildRequest {
  /** The Dockerfile's text and name; undefined: it is read out of the context. */
  readonly dockerfile: { readonly fileName: string; readonly text?: string | undefined };
  /** Contexts by name; the empty name is the build context. */
  readonly contexts: ReadonlyMap<string, ContextSource>;
  readonly services: ClientServices;
  readonly tags: readonly string[];
  readonly target: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** Empty: this machine's. */
  readonly platforms: readonly string[];
  /** All, or the stages of `--no-cache-filter`. */
  readonly noCache: boolean | ReadonlySet<string>;
  readonly pull: boolean;
  readonly cacheFrom: readonly string[];
  readonly inlineCache: boolean;
  /** Where else the cache goes, after the results. */
  readonly cacheTo: readonly CacheExport[];
  readonly squash: boolean;
  readonly run: Omit<RunSettings, "proxies">;
  /** What is asked for: a build, or (`--call`) what is known of one without building. */
  readonly call: BuildCall;
  /** One after the other. */
  readonly outputs: readonly BuildOutput[];
  /** Attach provenance to the image. */
  readonly provenance: boolean;
  /** Attach what the image is made of, as its package managers tell. */
  readonly sbom: boolean;
  /** Seconds since 1970; also the build argument of this name. */
  readonly sourceDateEpoch: number | undefined;
  /** Told once, before anything is done, what the build will do. */
  readonly onPlan?: ((planned: PlannedBuild) => void) | undefined;
}

/** `--cache-to`: an image with the steps' layers. */
export type CacheExport = {
  /** Of what the result is made of, or of all steps. */
  readonly mode: "min" | "max";
  /** A failure is told and does not make the build fail. */
  readonly ignoreError: boolean;
} & (
  | { readonly kind: "registry"; readonly name: string }
  /** An OCI archive. */
  | { readonly kind: "archive"; readonly write: (bytes: AsyncIterable<Uint8Array>) => Promise<void> }
);

/** `check`: warnings; `outline`: what the target can be given; `targets`: what can be built. */
export type BuildCall = "build" | "check" | "outline" | "targets";

/** The steps of a build, for progress that is told by instructions and not by vertices. */
export interface PlannedBuild {
  readonly plan: BuildPlan;
  readonly graph: BuildGraph;
  readonly dockerfile: Dockerfile;
  /** What each vertex is called. */
  readonly nameOf: (vertex: Vertex) => string;
}

/** Where the files of a context come from. */
export type ContextSource =
  /** A directory that the engine can read: the client's own, by a descriptor. */
  | { readonly kind: "directory"; readonly open: (signal: AbortSignal) => Promise<OpenDirectory> }
  /** Files that the client sends when asked. `dockerfile` may come from another directory than the rest. */
  | { readonly kind: "session"; readonly sync: FileSync }
  /** A tar, compressed or not, as the classic builder sends it. */
  | { readonly kind: "tar"; readonly bytes: AsyncIterable<Uint8Array> }
  /** A git or http(s) address. */
  | { readonly kind: "remote"; readonly url: string }
  /** `docker-image://…`, `oci-layout://…` */
  | { readonly kind: "image"; readonly reference: string };

export interface OpenDirectory extends Disposable {
  /** A path of this process that leads there, whatever mount namespace the client is in. */
  readonly path: string;
}

/** A client that keeps a directory at the engine's disposal. */
export interface FileSync {
  /**
   * Brings a directory of the engine up to date with the client's; only what differs is sent.
   * `include`/`exclude` are patterns of `.dockerignore`'s kind; `follow` are paths whose links are followed.
   */
  sync(
    name: string,
    into: string,
    options: {
      readonly include: readonly string[];
      readonly exclude: readonly string[];
      readonly follow: readonly string[];
      /** Told how many bytes have come so far. */
      readonly progress?: ((bytes: number) => void) | undefined;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Tells one client's directory from another's, so that the copy of the last build is found again. */
  sharedKey(name: string): string;
}

export type BuildOutput =
  /** Into the engine's own images: the default. `push`: to the registries of the tags, too. */
  | { readonly kind: "image"; readonly push: boolean }
  /** The files themselves, as a tar: the client unpacks it for `type=local`. */
  | { readonly kind: "tar"; readonly write: (bytes: AsyncIterable<Uint8Array>) => Promise<void> }
  | {
      readonly kind: "archive";
      readonly format: "oci" | "docker";
      readonly write: (bytes: AsyncIterable<Uint8Array>) => Promise<void>;
    }
  /** Nothing: only the cache is filled. */
  | { readonly kind: "none" };

export interface BuildResult {
  /** Undefined where the output is no image. */
  readonly imageId: Digest | undefined;
  /** `--metadata-file`, in BuildKit's keys. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly warnings: number;
  /** What was asked for instead of a build, as BuildKit has it in JSON. */
  readonly answer?: unknown;
}

/** The door of the builder, as the API uses it. */
export interface Builds {
  /** @throws what makes the build fail, with the Dockerfile's line; `signal` ends running steps at once */
  build(
    request: BuildRequest,
    report: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<BuildResult>;
  diskUsage(): Promise<readonly CacheRecordSummary[]>;
  /** The in-toto statements about an image, the newest first; or the one of a statement's digest. */
  provenance(imageOrStatement: Digest): readonly string[];
  prune(
    options: PruneOptions,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
  close(): Promise<void>;
}

/** One record of the build cache, as `builder du` and `system df` show it. */
export interface CacheRecordSummary {
  readonly id: string;
  readonly parents: readonly string[];
  /** BuildKit's: `regular`, `source.local`, `source.git.checkout`, `exec.cachemount`, `internal`, `frontend`. */
  readonly type: string;
  readonly description: string;
  readonly inUse: boolean;
  /** Other things than the cache need it as well. */
  readonly shared: boolean;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly usageCount: number;
}

export interface PruneOptions {
  readonly all: boolean;
  /** As Docker's filters: `until`, `id`, `parent`, `type`, `description`, `inuse`, `shared`, `private`. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly keepBytes: number | undefined;
  readonly maxUsedBytes?: number | undefined;
  readonly minFreeBytes?: number | undefined;
}
export type { SourceTree };
