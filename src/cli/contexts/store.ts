import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import {
  type ContextMeta,
  DEFAULT_CONTEXT,
  parseContext,
  placeOfContext,
  readContext,
} from "../../sdk/index.ts";

/** PEM files of an endpoint by their name: `ca.pem`, `cert.pem`, `key.pem`. */
export type TlsFiles = Readonly<Record<string, Uint8Array>>;

const NAME = "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$";

/** @throws an Error in Docker's words. */
export function checkContextName(name: string): void {
  if (name === "") throw new Error("context name cannot be empty");
  if (name === DEFAULT_CONTEXT) throw new Error(`"${name}" is a reserved context name`);
  if (!new RegExp(NAME).test(name))
    throw new Error(
      `context name ${JSON.stringify(name)} is invalid, names are validated against regexp "${NAME}"`,
    );
}

/** The contexts of `~/.docker/contexts`, which Docker's client writes and reads too. */
export class ContextStore {
  readonly #configDirectory: string;

  constructor(configDirectory: string) {
    this.#configDirectory = configDirectory;
  }

  /** In no order. A file that is no context is told in place of what is in it. */
  async list(): Promise<{ name: string; meta?: ContextMeta; error?: string }[]> {
    const root = `${this.#configDirectory}/contexts/meta`;
    const folders = await readdir(root).catch(nothingWhereMissing([]));
    const read = async (folder: string) => {
      const text = await readFile(`${root}/${folder}/meta.json`, "utf8").catch(
        nothingWhereMissing(undefined),
      );
      if (text === undefined) return [];
      try {
        const meta = parseContext(folder, text);
        return [{ name: meta.Name, meta }];
      } catch (error) {
        return [{ name: folder, error: (error as Error).message }];
      }
    };
    return (await Promise.all(folders.map(read))).flat();
  }

  /** @throws where there is none of this name. */
  read(name: string): Promise<ContextMeta> {
    return readContext(this.#configDirectory, name);
  }

  async exists(name: string): Promise<boolean> {
    const { meta } = await this.place(name);
    const found = await readdir(meta).catch(nothingWhereMissing(undefined));
    return found !== undefined;
  }

  place(name: string): Promise<{ readonly meta: string; readonly tls: string }> {
    return placeOfContext(this.#configDirectory, name);
  }

  async write(meta: ContextMeta): Promise<void> {
    const place = await this.place(meta.Name);
    await mkdir(place.meta, { recursive: true, mode: 0o755 });
    await replaceFile(`${place.meta}/meta.json`, JSON.stringify(meta), 0o644);
  }

  /** The PEM files of all endpoints. */
  async readTls(name: string): Promise<Record<string, TlsFiles>> {
    const { tls } = await this.place(name);
    const endpoints = await readdir(tls).catch(nothingWhereMissing([]));
    const read = async (endpoint: string): Promise<[string, TlsFiles]> => {
      const names = (await readdir(`${tls}/${endpoint}`)).sort();
      const files = names.map(
        async (file): Promise<[string, Uint8Array]> => [file, await readFile(`${tls}/${endpoint}/${file}`)],
      );
      return [endpoint, Object.fromEntries(await Promise.all(files))];
    };
    return Object.fromEntries(await Promise.all(endpoints.sort().map(read)));
  }

  /** Replaces the PEM files of all endpoints. */
  async writeTls(name: string, endpoints: Readonly<Record<string, TlsFiles>>): Promise<void> {
    const { tls } = await this.place(name);
    await rm(tls, { recursive: true, force: true });
    for (const [endpoint, files] of Object.entries(endpoints)) {
      if (Object.keys(files).length === 0) continue;
      await mkdir(`${tls}/${endpoint}`, { recursive: true, mode: 0o700 });
      for (const [file, bytes] of Object.entries(files))
        await replaceFile(`${tls}/${endpoint}/${file}`, bytes, 0o600);
    }
  }

  async remove(name: string): Promise<void> {
    const { meta, tls } = await this.place(name);
    await rm(meta, { recursive: true, force: true });
    await rm(tls, { recursive: true, force: true });
  }
}

async function replaceFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, content, { mode });
  await rename(temporary, path);
}

function nothingWhereMissing<T>(nothing: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return nothing;
    throw error;
  };
}
