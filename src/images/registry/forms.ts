import {
  type Credentials,
  type Descriptor,
  DOCKER_LAYER,
  type PushTarget,
  type RepositoryName,
} from "../../distribution/index.ts";
import { type Digest, detectCompression, gzip, log, messageOf } from "../../lib/index.ts";
import type { BlobWriter } from "../../store/index.ts";
import type { CameAs } from "../layers.ts";
import { ByteQueue } from "../snapshots/byte-queue.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import type { RegistryContext } from "./context.ts";

/** A layer as it goes to a registry. */
export interface Form extends Descriptor {
  readonly diffId: DiffId;
}

/** Repositories that are asked for bytes that are not here any more. */
const PLACES_ASKED_MAX = 4;

/** A form of a layer that is here and that every registry takes. */
export async function formHere(context: RegistryContext, diffId: DiffId): Promise<Form | undefined> {
  const { layers } = context;
  for (const known of layers.formsOf(diffId)) {
    if (!(await layers.hasForm(known))) continue;
    const mediaType = await neutralType(context, known.digest);
    if (mediaType !== undefined) return { diffId, digest: known.digest, size: known.sizeBytes, mediaType };
  }
  return undefined;
}

/**
 * A form that is made now, and kept. It goes to the registry while it is made: reading, compressing, hashing, writing and
 * sending overlap.
 * @param progress is told how much of the layer's tar has been taken
 */
export async function makeForm(
  context: RegistryContext,
  diffId: DiffId,
  target: PushTarget,
  progress: (bytes: number) => void,
  outer: AbortSignal,
): Promise<Form> {
  const { layers } = context;
  const refused = new AbortController();
  const signal = AbortSignal.any([outer, refused.signal]);
  await using writer = await layers.formWriter();
  const queue = new ByteQueue();
  const begun = target.begin(queue, signal).finally(() => queue.fail(new Error("nobody reads any more")));
  begun.catch((error: unknown) => refused.abort(error));
  try {
    await compress(counted(layers.read(diffId), progress), writer, queue, signal);
    queue.end();
    const { digest, sizeBytes } = await writer.finish();
    const upload = await begun;
    // What is being sent does not wait for the disk, nor the disk for the registry.
    const kept = keep(context, diffId, writer, { digest, sizeBytes, mediaType: DOCKER_LAYER });
    if (!upload.isWhole) await kept;
    const source = { digest, sizeBytes, read: (from: number) => layers.readForm(digest, from) };
    await Promise.all([kept, target.end(upload, source, () => {}, signal)]);
    return { diffId, digest, size: sizeBytes, mediaType: DOCKER_LAYER };
  } catch (error) {
    queue.fail(error);
    await begun.catch(() => {});
    throw error;
  }
}

/** To the disk, and to the registry for as long as that takes it. */
async function compress(
  tar: AsyncIterable<Uint8Array>,
  writer: BlobWriter,
  queue: ByteQueue,
  signal: AbortSignal,
): Promise<void> {
  let isTaken = true;
  for await (const bytes of gzip(tar)) {
    signal.throwIfAborted();
    const written = writer.write(bytes);
    if (written !== undefined) await written;
    if (!isTaken) continue;
    try {
      const taken = queue.push(bytes);
      if (taken !== undefined) await taken;
    } catch {
      isTaken = false;
    }
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  progress: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let taken = 0;
  for await (const bytes of source) {
    taken += bytes.length;
    progress(taken);
    yield bytes;
  }
}

async function keep(
  { layers }: RegistryContext,
  diffId: DiffId,
  writer: BlobWriter,
  came: Omit<CameAs, "sync" | "commit">,
): Promise<void> {
  await writer.sync();
  const commit = () => writer.commit(came.digest);
  await layers.addForm(diffId, { ...came, sync: () => writer.sync(), commit });
}

/** What its bytes are, whatever they were called; undefined for what registries should not get. */
async function neutralType({ layers }: RegistryContext, digest: Digest): Promise<string | undefined> {
  for await (const head of layers.readForm(digest, 0)) {
    const compression = detectCompression(head);
    if (compression === "gzip") return DOCKER_LAYER;
    return compression === "zstd" ? "application/vnd.oci.image.layer.v1.tar+zstd" : undefined;
  }
  return undefined;
}

export interface Fetching {
  /** Whose are for one registry alone. */
  readonly credentials: { readonly domain: string; readonly of: Credentials | undefined };
  readonly signal: AbortSignal;
  progress(from: RepositoryName, current: number): void;
}

/**
 * Brings a form whose bytes were removed for want of space from a repository that has had it. Registries other than the
 * one that is pushed to are asked as nobody in particular.
 * @returns whether it is here now
 */
export async function fetchForm(context: RegistryContext, form: Form, how: Fetching): Promise<boolean> {
  for (const place of context.records.allPlacesOf(form.digest).slice(0, PLACES_ASKED_MAX)) {
    try {
      await fetchFrom(context, form, place, how);
      return true;
    } catch (error) {
      how.signal.throwIfAborted();
      log.debug("a layer is not where it was", { digest: form.digest, ...place, error: messageOf(error) });
    }
  }
  return false;
}

async function fetchFrom(
  context: RegistryContext,
  form: Form,
  place: RepositoryName,
  { credentials, signal, progress }: Fetching,
): Promise<void> {
  const { digest, size, mediaType, diffId } = form;
  const own = place.domain === credentials.domain ? credentials.of : undefined;
  const remote = await context.registries.repository(place, own);
  await using writer = await context.layers.formWriter();
  for await (const bytes of remote.blob({ digest, size, mediaType }, 0, signal)) {
    const written = writer.write(bytes);
    if (written !== undefined) await written;
    progress(place, writer.sizeBytes);
  }
  await keep(context, diffId, writer, { digest, sizeBytes: size, mediaType });
}
