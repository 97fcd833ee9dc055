import type { StatusMessage, StatusWarning } from "../../lib/buildkit/index.ts";
import type { JsonMessage, Ulimit } from "../../wire/index.ts";
import type { ClientConfig } from "../client-config.ts";

/** Files in memory, by their paths in the context: `{ Dockerfile: "FROM …", "src/app.js": bytes }`. */
export type BuildFiles = Readonly<Record<string, string | Uint8Array>>;

/** What an image is built from, and how. */
export interface BuildOptions {
  /**
   * A folder, the address of a git repository or of a tar, files in memory, or a tar as a stream. Absent: the Dockerfile is
   * all there is.
   */
  readonly context?: string | BuildFiles | AsyncIterable<Uint8Array>;
  /** Path of the Dockerfile, in the context or elsewhere on this machine; `Dockerfile` unless told. */
  readonly dockerfile?: string | undefined;
  /** The Dockerfile itself, instead of a path. */
  readonly dockerfileInline?: string | Uint8Array | undefined;
  /** Names for the image: `app`, `registry.example.com/app:1.2`. */
  readonly tags?: readonly string[] | undefined;
  /** The stage to build; the last one unless told. */
  readonly target?: string | undefined;
  /** Values of `ARG`s; null takes away the value that the Dockerfile gives. */
  readonly args?: Readonly<Record<string, string | null>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Network of the steps: `default`, `none`, `host`. */
  readonly network?: string | undefined;
  /** Look for newer versions of the images used. */
  readonly pull?: boolean | undefined;
  /** Use nothing of former builds. */
  readonly noCache?: boolean | undefined;
  /** Stages that use nothing of former builds. */
  readonly noCacheFilter?: readonly string[] | undefined;
  /** Images whose layers may be used again: names, `type=registry,ref=name`, `type=local,src=folder`. */
  readonly cacheFrom?: readonly string[] | undefined;
  /** Where to keep the cache: `type=inline` (in the image), `type=registry,ref=name`, `type=local,dest=folder`; `mode=max` for all of it. */
  readonly cacheTo?: readonly string[] | undefined;
  /** `linux/amd64` */
  readonly platforms?: readonly string[] | undefined;
  /** Further contexts by name: folders, addresses, `docker-image://name`, `oci-layout://folder`. */
  readonly contexts?: Readonly<Record<string, string>> | undefined;
  /** What `RUN --mount=type=secret` may ask for. */
  readonly secrets?: readonly BuildSecret[] | undefined;
  /** What `RUN --mount=type=ssh` may use: `default`, `name=socket`, `name=key`. */
  readonly ssh?: readonly string[] | undefined;
  /** Entries for the steps' `/etc/hosts`: `host:address`. */
  readonly extraHosts?: readonly string[] | undefined;
  readonly shmSizeBytes?: number | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  readonly memoryBytes?: number | undefined;
  /** Memory and swap together; -1: unlimited swap. */
  readonly memorySwapBytes?: number | undefined;
  /** Microseconds. */
  readonly cpuPeriod?: number | undefined;
  /** Microseconds a period. */
  readonly cpuQuota?: number | undefined;
  readonly cpuShares?: number | undefined;
  /** `0-3`, `0,1` */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly cgroupParent?: string | undefined;
  readonly securityOptions?: readonly string[] | undefined;
  /** What steps may ask for beyond what all may: `network.host`. */
  readonly allow?: readonly string[] | undefined;
  /** Make one layer of the new ones. */
  readonly squash?: boolean | undefined;
  /** Where the result goes. An image in the engine unless told. Engines that are not of ours take one at most. */
  readonly outputs?: readonly BuildOutput[] | undefined;
  /** Keep with the image how it came about; yes unless told. A text is of BuildKit's kind: `mode=min`, `false`. */
  readonly provenance?: boolean | string | undefined;
  /** Keep with the image what it is made of, as its package managers tell (SPDX). */
  readonly sbom?: boolean | undefined;
  /** Push the image to the registry of its name. */
  readonly push?: boolean | undefined;
  /** Also ask for the build's facts (`metadata` of the result), which costs the engine some work. */
  readonly metadata?: boolean | undefined;
  /** Nobody wants to know what goes on meanwhile: the engine need not tell. */
  readonly quiet?: boolean | undefined;
  /** Which of the engine's builders; the best it has unless told. */
  readonly builder?: "buildkit" | "classic" | undefined;
  /** What counts for the classic builder only. */
  readonly classic?: ClassicOptions | undefined;
  /** Where credentials of registries are; `~/.docker/config.json` unless told. */
  readonly config?: ClientConfig | undefined;
  /** Ends the build, and its steps with it. */
  readonly signal?: AbortSignal | undefined;
  /** Told what goes on. A promise that it returns is awaited, so that a slow reader slows the messages down. */
  readonly onProgress?: ((progress: BuildProgress) => void | Promise<void>) | undefined;
}

/** A secret's bytes are those of a file, of a variable of this process, or a text. */
export interface BuildSecret {
  readonly id: string;
  readonly file?: string | undefined;
  readonly env?: string | undefined;
  readonly value?: string | undefined;
}

export interface BuildOutput {
  /** `local` is a folder with the files, `tar` an archive of them, `oci` and `docker` are archives with the image. */
  readonly type: "image" | "registry" | "local" | "tar" | "oci" | "docker" | "cacheonly" | (string & {});
  /** Path of the folder or archive, or who takes the archive's bytes. */
  readonly dest?: string | WritableStream<Uint8Array> | ((bytes: AsyncIterable<Uint8Array>) => Promise<void>);
  /** More, in BuildKit's words: `name`, `push`, … */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface ClassicOptions {
  /** Send the context compressed by gzip. */
  readonly compress?: boolean;
  /** Keep the containers of the steps. */
  readonly keepContainers?: boolean;
  /** Remove them also where the build fails. */
  readonly forceRemove?: boolean;
  readonly isolation?: string;
}

/** What a build has to tell: what is new of its steps, their transfers and output, and of warnings. */
export interface BuildProgress extends StatusMessage {
  /** The same in the words of an engine without BuildKit, as it sent them. */
  readonly message?: JsonMessage;
}

/** What could be better in a Dockerfile. */
export type BuildWarning = StatusWarning;

/** What can be asked for instead of a build: what could be better, what a target can be given, what can be built. */
export type BuildCall = "check" | "outline" | "targets";

export interface BuildResult {
  /** `sha256:…`; empty where the result is no image. */
  readonly imageId: string;
  /** Of the manifest, where the image was pushed or the facts were asked for and the engine tells it. */
  readonly digest?: string;
  /** The build's facts in BuildKit's words. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly warnings: readonly BuildWarning[];
  /** What was asked for instead of a build, in BuildKit's words. */
  readonly answer?: unknown;
}
