import { constants } from "node:fs";
import { DirHandle, isErrno, type RootDir, scanDirectory, Turns } from "../../linux/index.ts";
import { apkPackages, debPackages, npmPackage, pypiPackage } from "./databases.ts";
import { type Package, plainText } from "./package.ts";

/** What an image has; `isWhole` is false where it has more than anybody looks at. */
export interface PackageList {
  readonly packages: readonly Package[];
  readonly isWhole: boolean;
}

const DATABASE_BYTES_MAX = 64 << 20;
const FILE_BYTES_MAX = 1 << 20;
const PACKAGES_MAX = 50_000;
const ENTRIES_MAX = 2_000_000;
const DEPTH_MAX = 64;
const ELOOP = 40;

const DPKG = "var/lib/dpkg";
const APK = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
/** What the kernel shows there is no part of an image. */
const NOT_LOOKED_INTO = new Set(["proc", "sys", "dev"]);

/**
 * What the package managers of an image say is in it: dpkg's, apk's, npm's and Python's. Nothing of the image is run, and what it
 * says is taken as text. @param root read-only
 */
export async function listPackages(root: RootDir, signal: AbortSignal): Promise<PackageList> {
  const search = new Search(root, signal);
  search.system();
  await search.languages();
  return { packages: search.packages, isWhole: search.isWhole };
}

class Search {
  readonly packages: Package[] = [];
  isWhole = true;
  readonly #root: RootDir;
  readonly #signal: AbortSignal;
  readonly #turns = new Turns();
  #entries = 0;

  constructor(root: RootDir, signal: AbortSignal) {
    this.#root = root;
    this.#signal = signal;
  }

  /** Those of the distribution. */
  system(): void {
    const release = this.#read("etc/os-release", FILE_BYTES_MAX) ?? "";
    const distribution = plainText(/^ID="?([A-Za-z0-9._-]+)/m.exec(release)?.[1]).toLowerCase();
    const single = this.#namesIn(`${DPKG}/status.d`).filter((name) => !name.endsWith(".md5sums"));
    for (const path of [`${DPKG}/status`, ...single.map((name) => `${DPKG}/status.d/${name}`)]) {
      this.#add(debPackages(this.#read(path, DATABASE_BYTES_MAX) ?? "", { path: `/${path}`, distribution }));
    }
    for (const path of APK) {
      this.#add(apkPackages(this.#read(path, DATABASE_BYTES_MAX) ?? "", { path: `/${path}`, distribution }));
    }
  }

  /** Those of languages, wherever in the image. */
  async languages(): Promise<void> {
    const folders = [{ path: "", depth: 0 }];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      if (this.#entries > ENTRIES_MAX || folder.depth > DEPTH_MAX) {
        this.isWhole = false;
        continue;
      }
      for (const { name, kind } of this.#scan(folder.path)) {
        const path = folder.path === "" ? name : `${folder.path}/${name}`;
        if (kind === "directory" && !(folder.path === "" && NOT_LOOKED_INTO.has(name)))
          folders.push({ path, depth: folder.depth + 1 });
        else if (kind === "file") this.#file(path);
      }
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
      this.#signal.throwIfAborted();
    }
  }

  #file(path: string): void {
    if (/(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path))
      this.#add(npmPackage(this.#read(path, FILE_BYTES_MAX) ?? "", `/${path}`));
    else if (/\.(dist-info\/METADATA|egg-info(\/PKG-INFO)?)$/.test(path))
      this.#add(pypiPackage(this.#read(path, FILE_BYTES_MAX) ?? "", `/${path}`));
  }

  #add(found: readonly Package[]): void {
    const free = PACKAGES_MAX - this.packages.length;
    if (found.length > free) this.isWhole = false;
    this.packages.push(...found.slice(0, free));
  }

  #scan(path: string) {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    using handle = new DirHandle(this.#root.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const entries = [...scanDirectory(handle)].flat();
    this.#entries += entries.length;
    // The same image gives the same list.
    return entries.sort((a, b) => (a.name < b.name ? 1 : -1));
  }

  #namesIn(path: string): string[] {
    if (this.#stat(path)?.kind !== "directory") return [];
    return this.#root
      .list(path)
      .map(({ name }) => name)
      .sort();
  }

  /** Undefined also where links lead in a circle. */
  #stat(path: string) {
    try {
      return this.#root.tryStat(path);
    } catch (error) {
      if (isErrno(error, ELOOP)) return undefined;
      throw error;
    }
  }

  /** Undefined where there is no file, or one that is too large. */
  #read(path: string, maxBytes: number): string | undefined {
    const stat = this.#stat(path);
    if (stat?.kind !== "file") return undefined;
    if (stat.size > maxBytes) {
      this.isWhole = false;
      return undefined;
    }
    return Buffer.from(this.#root.readFile(path, maxBytes)).toString();
  }
}
