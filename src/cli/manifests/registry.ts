import { ResponseError } from "../../sdk/index.ts";
import type { ManifestListPushRequest, ManifestListPushResponse } from "../../wire/index.ts";
import { authForImage } from "../actions/credentials.ts";
import type { Cli } from "../cli.ts";
import { fullName, parseReference, type Reference, withDefaultTag } from "../text/reference.ts";
import { type ListedManifest, listedManifest, type ManifestStore } from "./store.ts";

/** @throws Error, after `context` */
export function parseNamed(text: string, context = ""): Reference {
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    throw context === "" ? error : new Error(`${context} ${text}: ${(error as Error).message}`);
  }
}

/** What a registry has, by way of the engine. @throws Error `no such manifest: …` */
export async function remoteManifests(
  cli: Cli,
  name: Reference,
  insecure: boolean,
): Promise<{ isList: boolean; manifests: ListedManifest[] }> {
  const full = fullName(name);
  const auth = await authForImage(cli, full);
  const { IsList, Manifests } = await inOwnWords(async () =>
    (await cli.engine()).manifests.get(full, { auth, insecure }),
  );
  return { isList: IsList, manifests: Manifests.map(listedManifest) };
}

/** One image: out of the list that is being made, or a registry. @throws Error where it is a list itself */
export async function imageManifest(
  cli: Cli,
  store: ManifestStore,
  list: Reference,
  image: Reference,
  insecure: boolean,
): Promise<ListedManifest> {
  const kept = await store.get(list, image);
  if (kept !== undefined) return kept;
  const { isList, manifests } = await remoteManifests(cli, image, insecure);
  if (isList) throw new Error(`${fullName(image)} is a manifest list`);
  return manifests[0]!;
}

export async function pushList(
  cli: Cli,
  name: Reference,
  request: ManifestListPushRequest,
  insecure: boolean,
): Promise<ManifestListPushResponse> {
  const full = fullName(name);
  const auth = await authForImage(cli, full);
  return inOwnWords(async () => (await cli.engine()).manifests.pushList(full, request, { auth, insecure }));
}

/** Docker's client asks the registry itself, and says nothing of a daemon. */
async function inOwnWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ResponseError ? new Error(error.message, { cause: error }) : error;
  }
}
