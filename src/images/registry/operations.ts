import {
  type Credentials,
  credentialsOfHeader,
  type Patience,
  type Platform,
  Registries,
  type RegistriesConfig,
} from "../../distribution/index.ts";
import { invalidParameter, isDigest, Slots } from "../../lib/index.ts";
import type {
  AuthConfig,
  AuthResponse,
  DistributionInspect,
  ManifestListPushRequest,
  ManifestListPushResponse,
  RegistryManifests,
} from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { type ImageName, parseImageName } from "../reference.ts";
import { parsePlatform } from "../resolve.ts";
import type { RegistryContext } from "./context.ts";
import { inspectDistribution } from "./distribution-inspect.ts";
import { LayerDownloads } from "./layer-downloads.ts";
import type { Report } from "./progress.ts";
import { type PullOptions, pullAllTags, pullImage } from "./pull.ts";
import { pushImage } from "./push.ts";
import { fetchManifests, pushManifestList, type RemoteAccess } from "./remote-manifests.ts";
import { type FoundImage, type SearchFilters, searchRegistry } from "./search.ts";

/** An image as the API's requests name it: the tag, which may be a digest, apart or not. */
export interface RequestedImage {
  readonly name: string;
  readonly tag?: string | undefined;
  readonly platform?: string | undefined;
}

/** `auth` is the API's `X-Registry-Auth`; `insecure`: the registry may do without TLS, or have any certificate. */
export interface ManifestAccess {
  readonly auth: string | undefined;
  readonly insecure: boolean;
}

/** Everything between this engine and registries. `auth` is the API's `X-Registry-Auth`. */
export class RegistryOperations {
  readonly #context: RegistryContext;
  readonly #patience: Patience | undefined;
  #registries: Registries;

  /** @throws InvalidParameter for a configuration that can't be */
  constructor(context: ImageContext, config: RegistriesConfig, patience?: Patience) {
    this.#patience = patience;
    this.#registries = new Registries(config, patience);
    const registries = () => this.#registries;
    this.#context = {
      ...context,
      get registries() {
        return registries();
      },
      downloads: new LayerDownloads(context.layers, config.maxDownloads),
      uploads: new Slots(config.maxUploads),
    };
  }

  /** From now on registries are reached as this says; what is under way goes on. @throws as the constructor */
  configure(config: RegistriesConfig): void {
    this.#registries = new Registries(config, this.#patience);
  }

  /** Without a tag: all of them. @throws before the first report, where nothing comes of it */
  async pull(
    image: RequestedImage,
    auth: string | undefined,
    report: Report,
    signal: AbortSignal,
  ): Promise<void> {
    const name = nameOf(image);
    const options: PullOptions = {
      credentials: credentialsOfHeader(auth),
      platform: this.#platformOf(image.platform),
      report,
      signal,
    };
    const pull = name.tag === undefined && name.digest === undefined ? pullAllTags : pullImage;
    await pull(this.#context, name, options);
  }

  async push(
    image: RequestedImage,
    auth: string | undefined,
    report: Report,
    signal: AbortSignal,
  ): Promise<void> {
    const credentials = credentialsOfHeader(auth);
    await pushImage(this.#context, nameOf(image), { credentials, platform: image.platform, report, signal });
  }

  /** `docker login`: whether a registry knows somebody. */
  async logIn(auth: AuthConfig): Promise<AuthResponse> {
    const { status, identityToken } = await this.#registries.logIn(auth);
    return { Status: status, IdentityToken: identityToken };
  }

  search(
    term: string,
    options: { limit?: number | undefined; filters: SearchFilters },
    signal: AbortSignal,
  ): Promise<FoundImage[]> {
    return searchRegistry(this.#registries, term, options, signal);
  }

  /** `GET /distribution/{name}/json`: what a registry has under a name. */
  async distribution(
    name: string,
    auth: string | undefined,
    signal: AbortSignal,
  ): Promise<DistributionInspect> {
    const credentials: Credentials | undefined = credentialsOfHeader(auth);
    return await inspectDistribution(this.#context, parseImageName(name), credentials, signal);
  }

  /** `GET /berth/manifests/{name}`: the manifests that a registry has under a name. */
  async manifests(name: string, how: ManifestAccess, signal: AbortSignal): Promise<RegistryManifests> {
    const named = parseImageName(name);
    return await fetchManifests(named, this.#access(named, how, signal));
  }

  /** `POST /berth/manifests/{name}`: gives a registry a manifest list. */
  async pushManifestList(
    name: string,
    request: ManifestListPushRequest,
    how: ManifestAccess,
    signal: AbortSignal,
  ): Promise<ManifestListPushResponse> {
    const named = parseImageName(name);
    return await pushManifestList(named, request, this.#access(named, how, signal));
  }

  #access({ domain }: ImageName, { auth, insecure }: ManifestAccess, signal: AbortSignal): RemoteAccess {
    const { config } = this.#registries;
    const registries = insecure
      ? new Registries({ ...config, insecure: [...config.insecure, domain] }, this.#patience)
      : this.#registries;
    return { registries, credentials: credentialsOfHeader(auth), signal };
  }

  #platformOf(text: string | undefined): Platform | undefined {
    if (text === undefined || text === "") return undefined;
    return { architecture: this.#context.platform.architecture, ...parsePlatform(text) };
  }
}

/** @throws InvalidParameter in Docker's words */
function nameOf({ name, tag }: RequestedImage): ImageName {
  const named = parseImageName(name.replace(/:$/, ""));
  if (tag === undefined || tag === "") return named;
  if (tag.includes(":") && !isDigest(tag)) throw invalidParameter("invalid reference format");
  // What is apart goes before what is in the name.
  const { domain, path } = named;
  return parseImageName(`${domain}/${path}${isDigest(tag) ? "@" : ":"}${tag}`);
}
