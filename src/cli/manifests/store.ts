import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OciDescriptor, OciPlatform, RegistryManifest } from "../../wire/index.ts";
import { fullName, type Reference } from "../text/reference.ts";

/** A manifest as Docker's client keeps and shows it; one of the last two is there, by the manifest's kind. */
export interface ListedManifest {
  readonly Ref: string;
  readonly Descriptor: OciDescriptor & { readonly platform?: OciPlatform | null };
  /** Base64. */
  readonly Raw: string;
  readonly SchemaV2Manifest?: unknown;
  readonly OCIManifest?: unknown;
}

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export function listedManifest({ Ref, Descriptor, Raw }: RegistryManifest): ListedManifest {
  const document: unknown = JSON.parse(Buffer.from(Raw, "base64").toString("utf8"));
  const key = Descriptor.mediaType === OCI_MANIFEST ? "OCIManifest" : "SchemaV2Manifest";
  return { Ref, Descriptor, Raw, [key]: document };
}

/**
 * Manifest lists that are being made: `manifests/<list>/<image>` below the client's configuration, as Docker's client has
 * them, so that either goes on with what the other began.
 */
export class ManifestStore {
  readonly #root: string;

  constructor(configDirectory: string) {
    this.#root = join(configDirectory, "manifests");
  }

  /** A list's images in the order of their files. @throws Error `No such manifest: …` */
  async list(list: Reference): Promise<ListedManifest[]> {
    const directory = this.#directory(list);
    const names = await readdir(directory).catch(missingAs<string[]>([]));
    if (names.length === 0) throw noSuchManifest(list);
    const texts = names.sort().map((name) => readFile(join(directory, name), "utf8"));
    return (await Promise.all(texts)).map((text) => JSON.parse(text) as ListedManifest);
  }

  async has(list: Reference): Promise<boolean> {
    return (await readdir(this.#directory(list)).catch(missingAs<string[]>([]))).length > 0;
  }

  async get(list: Reference, image: Reference): Promise<ListedManifest | undefined> {
    const text = await readFile(this.#path(list, image), "utf8").catch(missingAs(undefined));
    return text === undefined ? undefined : (JSON.parse(text) as ListedManifest);
  }

  async save(list: Reference, image: Reference, manifest: ListedManifest): Promise<void> {
    await mkdir(this.#directory(list), { recursive: true, mode: 0o755 });
    const path = this.#path(list, image);
    const temporary = join(this.#root, `.${process.pid}`);
    await writeFile(temporary, JSON.stringify(manifest), { mode: 0o644 });
    await rename(temporary, path);
  }

  /** @throws Error `No such manifest: …` */
  async remove(list: Reference): Promise<void> {
    if (!(await this.has(list))) throw noSuchManifest(list);
    await rm(this.#directory(list), { recursive: true });
  }

  #directory(list: Reference): string {
    return join(this.#root, fileName(list));
  }

  #path(list: Reference, image: Reference): string {
    return join(this.#directory(list), fileName(image));
  }
}

/** Names have no `..` and do not begin with a dot: the grammar of references sees to it. */
function fileName(reference: Reference): string {
  return fullName(reference).replaceAll(":", "-").replaceAll("/", "_");
}

function noSuchManifest(list: Reference): Error {
  return new Error(`No such manifest: ${fullName(list)}`);
}

function missingAs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
