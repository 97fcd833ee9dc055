import type { Digest } from "../../lib/index.ts";
import type { RootDir } from "../../linux/index.ts";
import type { FolderHelp } from "../contents/index.ts";
import type { Operation, Vertex } from "../graph/index.ts";
import type { ClientServices, DiffId, FoundImage, HeldLayers, Layers } from "../ports.ts";

/**
 * How the graph's work is done.
 *
 * Words. The *result* of a vertex is a tree of files: a stack of layers, or a *source*, files that are in no layer (a build
 * context, a download, a repository). An *operation* turns the results of a vertex's inputs into its own. Its *cache key* says what
 * decides on the result: the operation without the names of its inputs, the chain of the layers it works on, and the digests
 * of the contents that it takes from elsewhere. The same key is the same result, in this build, in one beside it, and in
 * one of last week.
 *
 * The life of a vertex. When the results of its inputs are there, its *key* is asked for (reading the files it takes is
 * part of that). Where the cache has a result of this key, or another build is making one, that is its result; otherwise
 * it is *run*. The result is held until all builds that asked for it have ended; a record of the cache keeps it on.
 *
 * Promises. A failed or cancelled operation leaves nothing: no mount, process, directory or layer. Errors are `EngineError`s
 * in BuildKit's words. An operation never blocks the main thread for more than a few milliseconds.
 */
export interface OperationKind<Kind extends Operation["kind"]> {
  /**
   * What decides on the result; undefined where it is never to be had from the cache (sources, which are asked anew in each build).
   */
  key(work: Work<Kind>): Promise<Digest | undefined>;
  run(work: Work<Kind>): Promise<Result>;
}

/** One vertex that is to be worked on. */
export interface Work<Kind extends Operation["kind"]> {
  readonly vertex: Vertex;
  readonly operation: Extract<Operation, { readonly kind: Kind }>;
  /** By number, as in `vertex.inputs`. */
  readonly inputs: readonly Result[];
  readonly context: BuildScope;
  readonly signal: AbortSignal;
  /** What the operation prints. */
  readonly log: (stream: 1 | 2, bytes: Uint8Array) => void;
  readonly progress: (part: string, currentBytes: number, totalBytes: number | undefined) => void;
}

export type Result = LayersResult | SourceResult;

/** A stack of layers, bottom first. */
export interface LayersResult extends HeldLayers {
  readonly kind: "layers";
  readonly layers: readonly DiffId[];
}

/** Files that are in no layer. They do not change while the result is held, or their digests would lie. */
export interface SourceResult extends AsyncDisposable {
  readonly kind: "source";
  readonly source: SourceTree;
}

/**
 * Files outside all layers, read-only, seen as root's, as BuildKit sees a context's. A source that changes under the reader's hands
 * (a directory of the user's) makes the build fail or its digest differ; it never makes a wrong cache hit.
 */
export interface SourceTree extends AsyncDisposable {
  readonly root: RootDir;
  /**
   * Whether a path (relative, no leading slash) is part of the source: `.dockerignore`. Asked about a directory as such, it says
   * whether something in it may be; one that is not part of the source by itself is there for what is in it only.
   */
  readonly includes: Includes | undefined;
  /** A directory that holds just these files, as root's, and that nobody changes: a step may be shown it as it is. */
  readonly shownAs?: string | undefined;
  /** Looks at folders before they are asked about. */
  readonly help?: FolderHelp | undefined;
  /** SHA-256 of a file's content, remembered for as long as the file does not change. */
  fileDigest(path: string): Promise<Digest>;
}

/** Says what is part of a source. */
export interface Includes {
  (path: string, isDirectory: boolean): boolean;
  /**
   * Stands for all that the answers depend on beside the path, so that they need not be asked for again; undefined where
   * nobody knows, and where a directory that is no part of the source may hold something that is.
   */
  readonly key?: string;
}

/** What the work of one build has in common. */
export interface BuildScope {
  readonly layers: Layers;
  readonly services: ClientServices;
  /** `SOURCE_DATE_EPOCH` in seconds: no file of a new layer is younger. */
  readonly epoch: number | undefined;
  /** A directory for the work of this build, removed at its end. */
  readonly directory: string;
  /** Opens the context of this name; the empty name is the build context. @throws NotFound where there is none */
  openContext(name: string, signal: AbortSignal): Promise<SourceTree>;
  /** The image of an `image` operation; the build has found it before, and holds it. @throws NotFound */
  foundImage(reference: string, platform: string): FoundImage;
  /** `--network`, `--add-host`, `--ulimit`, `--shm-size`, `--cgroup-parent`, and what else each `RUN` gets. */
  readonly run: RunSettings;
}

export interface RunSettings {
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
  /** `--allow`: what steps may ask for beyond what all may. */
  readonly entitlements: readonly string[];
  /** Variables that every `RUN` sees and that count for no cache. */
  readonly proxies: ReadonlyMap<string, string>;
}
