/**
 * What the builder needs of its peers and of the machine. The peers' doors satisfy these interfaces without knowing of
 * them; `daemon/` puts them together; tests put fakes in.
 */
import type { Digest } from "../lib/index.ts";
import type { NetworkNamespace, RootDir } from "../linux/index.ts";
import type { ImageConfig } from "../wire/index.ts";
import type { Platform } from "./dockerfile/index.ts";

/** The digest of a layer's uncompressed tar. */
export type DiffId = Digest;

/** One step of how an image came about (OCI image-spec, config.md). */
export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly emptyLayer?: boolean | undefined;
}

/** Layers stay as long as somebody holds them, and longer while an image or a pin names them. */
export interface HeldLayers extends Disposable {
  readonly layers: readonly DiffId[];
}

/** A layer that was read from a stream: nothing of it stays unless it is kept. Dispose of it. */
export interface NewLayer extends AsyncDisposable {
  readonly diffId: DiffId;
  readonly tarBytes: number;
  keep(): Promise<HeldLayers>;
}

/** A writable tree over layers. Disposing of it forgets what was written; the diff has to be read before. */
export interface WritableTree extends AsyncDisposable {
  /** Shows the tree at an existing directory. The caller takes the mount away again. */
  mount(target: string): Promise<void>;
  /** What was changed, as the tar of a layer. `exclude`: absolute paths that are no change while they are empty. */
  diff(options?: { readonly exclude?: readonly string[] }): AsyncIterable<Uint8Array>;
}

export interface Layers {
  /** Reads the tar to its end. @throws InvalidParameter for a malformed one; nothing stays */
  receive(tar: AsyncIterable<Uint8Array>): Promise<NewLayer>;
  /** @throws NotFound where one is missing */
  hold(layers: readonly DiffId[]): Promise<HeldLayers>;
  /** All of them as one tree, read-only, seen by nobody else. Dispose of it. */
  view(layers: readonly DiffId[]): Promise<RootDir>;
  prepare(layers: readonly DiffId[]): Promise<WritableTree>;
  /** Bytes of the files in a layer. */
  size(layer: DiffId): number;
  /** Whether an image has this layer, so that forgetting a record of the cache would free nothing. */
  isInImage(layer: DiffId): boolean;
  /** Keeps layers for a record of the cache, across restarts; in the transaction that is under way. */
  pin(owner: string, layers: readonly DiffId[]): void;
  unpin(owner: string): void;
  /** Removes the layers that nothing names any more. @returns the bytes of their files */
  collect(): Promise<number>;
}

/** An image that a build begins with, or copies from. Its layers stay until it is disposed of. */
export interface FoundImage extends Disposable {
  /** The image's id: the digest of its configuration. */
  readonly id: Digest;
  /** The digest of the manifest that it came by; undefined for one that never was in a registry. */
  readonly manifestDigest: Digest | undefined;
  readonly config: ImageConfig;
  readonly platform: Platform;
  readonly author: string;
  readonly created: string | undefined;
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  /** What an earlier build of ours left in its configuration for `--cache-from`: see `cache/inline.ts`. */
  readonly inlineCache: unknown;
}

/** What decides on an image's files: its manifest, or its configuration where it never was in a registry. */
export const digestOfImage = ({ manifestDigest, id }: FoundImage): Digest => manifestDigest ?? id;

export interface FindOptions {
  readonly platform: Platform;
  /** Asks the registry even where the image is here. */
  readonly pull: boolean;
  /** Registry credentials by server, asked only when they are needed. */
  readonly credentials: CredentialsSource;
  /** Bytes of one layer (or another part) that came so far. */
  readonly report: (part: string, currentBytes: number, totalBytes: number | undefined) => void;
  readonly signal: AbortSignal;
}

/** The API's `X-Registry-Auth` for a registry; undefined where nobody has one. */
export type CredentialsSource = (registry: string) => Promise<string | undefined>;

export interface NewImage {
  readonly created: string | undefined;
  readonly author: string;
  readonly platform: Platform;
  readonly config: ImageConfig;
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  /** Full names that are to point at it. */
  readonly names: readonly string[];
  /** The image that it was made from, for Docker's `Parent`. */
  readonly parent: Digest | undefined;
  /** For the next build's `--cache-from`; undefined for none. */
  readonly inlineCache: unknown;
  /** How it came about, for `image log`: asked when the image's id is known, before the image is. */
  readonly how: (id: Digest) => BuildFacts;
}

/** What a version of an image says of the build that made it. Digests only: never an argument's secret value. */
export interface BuildFacts {
  readonly dockerfile: Digest;
  /** Of all context files that the build used; undefined where it used none. */
  readonly context: Digest | undefined;
  readonly arguments: Readonly<Record<string, string>>;
  readonly bases: readonly { readonly reference: string; readonly digest: Digest }[];
  readonly provenance: Digest | undefined;
}

export interface Images {
  /** `busybox` → `docker.io/library/busybox:latest`. @throws InvalidParameter */
  fullName(text: string): string;
  /** Here, or brought from its registry. @throws NotFound and what a pull throws */
  find(fullName: string, options: FindOptions): Promise<FoundImage>;
  /** Durable when it resolves. @returns the image's id */
  record(image: NewImage): Promise<Digest>;
  /** An archive of it (an OCI layout that is Docker's archive, too), without recording it. Its layers are held until the end. */
  archive(image: Omit<NewImage, "how">): { readonly id: Digest; readonly bytes: AsyncIterable<Uint8Array> };
  push(
    fullName: string,
    credentials: CredentialsSource,
    report: FindOptions["report"],
    signal: AbortSignal,
  ): Promise<void>;
}

/** A network namespace for one step, with its names and addresses. */
export interface StepNetwork extends AsyncDisposable {
  /** Undefined: the host's own. */
  readonly namespace: NetworkNamespace | undefined;
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface StepNetworks {
  /** `mode` is `default`, `none`, `host`, or a network's name. `extraHosts`: `name:address`. */
  open(mode: string, stepId: string, hostname: string, extraHosts: readonly string[]): Promise<StepNetwork>;
}

/** What a client gives to a build while it runs, by its session. Each call may take as long as a person takes. */
export interface ClientServices {
  /** @throws NotFound where the client has no such secret */
  secret(id: string): Promise<Uint8Array>;
  /** A connection to the client's ssh agent; `id` is `default` or what `--ssh` names. @throws NotFound */
  sshAgent(id: string): Promise<SshConnection>;
  readonly credentials: CredentialsSource;
}

/** Bytes both ways. */
export interface SshConnection extends AsyncDisposable {
  readonly received: AsyncIterable<Uint8Array>;
  send(bytes: Uint8Array): Promise<void>;
  end(): void;
}
