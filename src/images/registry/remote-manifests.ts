import {
  type Credentials,
  type ImageIndex,
  type ImageManifest,
  type Manifest,
  type PushTarget,
  parseManifest,
  type Registries,
  RegistryError,
  type RemoteRepository,
} from "../../distribution/index.ts";
import { invalidParameter, notFound } from "../../lib/index.ts";
import type {
  ManifestListPushRequest,
  ManifestListPushResponse,
  OciPlatform,
  RegistryManifest,
  RegistryManifests,
} from "../../wire/index.ts";
import { CONFIG_BYTES_MAX } from "../config.ts";
import { fullName, type ImageName, withDefaultTag } from "../reference.ts";

/** For one host, as one user. */
export interface RemoteAccess {
  readonly registries: Registries;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

/** Images of one list that are asked for: each costs a request. */
const LISTED_MAX = 256;

/**
 * What a registry has under a name, byte for byte: of a list all of its images. Nothing is kept.
 * @throws NotFound `no such manifest: …`, in the words of Docker's client
 */
export async function fetchManifests(named: ImageName, access: RemoteAccess): Promise<RegistryManifests> {
  const name = withDefaultTag(named);
  const remote = await access.registries.repository(name, access.credentials);
  const top = await remote.manifest(name.digest ?? name.tag!, access.signal).catch((error: unknown) => {
    throw isMissing(error) ? notFound(`no such manifest: ${fullName(name)}`) : error;
  });
  if (top.kind === "index") return { IsList: true, Manifests: await listed(name, top, remote, access) };
  const config = await remote.bytes(top.config, CONFIG_BYTES_MAX, access.signal);
  return { IsList: false, Manifests: [describe(fullName(name), top, platformIn(parseJson(config)))] };
}

function isMissing(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 404 || error.code === "MANIFEST_UNKNOWN");
}

async function listed(
  name: ImageName,
  index: ImageIndex,
  remote: RemoteRepository,
  { signal }: RemoteAccess,
): Promise<RegistryManifest[]> {
  if (index.manifests.length > LISTED_MAX)
    throw invalidParameter(`the manifest list has more than ${LISTED_MAX} entries`);
  const entries = (parseJson(index.bytes)["manifests"] ?? []) as Record<string, unknown>[];
  const found: RegistryManifest[] = [];
  for (const [at, { digest }] of index.manifests.entries()) {
    const manifest = await remote.manifest(digest, signal);
    if (manifest.kind === "index") throw invalidParameter(`${digest} is a manifest list in a manifest list`);
    found.push(describe(`${fullName(name)}@${digest}`, manifest, platformIn(entries[at]?.["platform"])));
  }
  return found;
}

function describe(ref: string, manifest: Manifest, platform: OciPlatform): RegistryManifest {
  const { mediaType, digest, bytes } = manifest;
  return {
    Ref: ref,
    Descriptor: { mediaType, digest, size: bytes.length, platform },
    Raw: Buffer.from(bytes).toString("base64"),
  };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The fields of a platform, wherever they are: configurations have them at their top. */
function platformIn(value: unknown): OciPlatform {
  const json = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof json[name] === "string" ? json[name] : "");
  const features = json["os.features"];
  return {
    architecture: text("architecture"),
    os: text("os"),
    ...(text("os.version") === "" ? {} : { "os.version": text("os.version") }),
    ...(Array.isArray(features) && features.length > 0 ? { "os.features": features.map(String) } : {}),
    ...(text("variant") === "" ? {} : { variant: text("variant") }),
  };
}

/**
 * `docker manifest push`: a list under a tag, after its images, which are brought over from other repositories of the same
 * registry: mounted, or copied where that is not to be had.
 * @throws InvalidParameter for what is no list; RegistryError
 */
export async function pushManifestList(
  named: ImageName,
  request: ManifestListPushRequest,
  access: RemoteAccess,
): Promise<ManifestListPushResponse> {
  const name = withDefaultTag(named);
  const list = parseManifest(Buffer.from(request.Raw, "base64"), request.MediaType);
  if (list.kind !== "index") throw invalidParameter("invalid manifest: it is not a manifest list");
  const target = await access.registries.pushTarget(name, access.credentials);
  const pushed: string[] = [];
  for (const { Repository, MediaType, Raw } of request.Images) {
    const manifest = parseManifest(Buffer.from(Raw, "base64"), MediaType);
    if (manifest.kind !== "image") throw invalidParameter(`${manifest.digest} is not an image's manifest`);
    await bringOver({ domain: name.domain, path: Repository }, manifest, target, access);
    await target.putManifest(manifest, manifest.digest, access.signal);
    pushed.push(manifest.digest);
  }
  await target.putManifest(list, name.digest ?? name.tag!, access.signal);
  return { Pushed: pushed, Digest: list.digest };
}

async function bringOver(
  from: { domain: string; path: string },
  manifest: ImageManifest,
  target: PushTarget,
  { registries, credentials, signal }: RemoteAccess,
): Promise<void> {
  const remote = await registries.repository(from, credentials);
  for (const content of [manifest.config, ...manifest.layers]) {
    const { digest, size } = content;
    const source = { digest, sizeBytes: size, read: (at: number) => remote.blob(content, at, signal) };
    await target.put(source, [from.path], () => {}, signal);
  }
}
