import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../scripts/lib/base-image.ts";
import { mustRun, say } from "../scripts/lib/shell.ts";
import { flock } from "../src/linux/index.ts";

/** Root file systems that take long to make are made once. */
export const CACHE = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "berth-bench");

const DEBIAN_TAR = "debian-12.tar";

/** Whether it has been made. */
export function hasDebianTar(): boolean {
  return existsSync(join(CACHE, DEBIAN_TAR));
}

/** Debian as `debootstrap --variant=minbase` makes it, about 175 MB. @returns the tar's path */
export function debianTar(): Promise<string> {
  return cached(DEBIAN_TAR, async (path) => {
    say("Making the Debian image with debootstrap (once) …");
    const root = mkdtempSync(join(tmpdir(), "berth-debian-"));
    try {
      const program = Bun.which("debootstrap") ?? "/usr/sbin/debootstrap";
      await mustRun([program, "--variant=minbase", "bookworm", root]);
      // A temporary folder is its maker's alone; the root of an image is everybody's.
      chmodSync(root, 0o755);
      await mustRun([
        "tar",
        "-C",
        root,
        "--numeric-owner",
        "--exclude=./var/cache/apt/archives/*.deb",
        "-cf",
        path,
        ".",
      ]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}

const FOLDERS = 600;
const FILES_A_FOLDER = 100;

/** A shell and 60,000 small files. @returns the tar's path */
export function manyFilesTar(): Promise<string> {
  return cached("many-files.tar", async (path) => {
    const root = mkdtempSync(join(tmpdir(), "berth-many-"));
    try {
      await mustRun(["tar", "-C", root, "-xf", "-"], { stdin: await busyboxRootTar() });
      for (let folder = 0; folder < FOLDERS; folder++) {
        const directory = join(root, "usr/data", String(folder));
        mkdirSync(directory, { recursive: true });
        for (let file = 0; file < FILES_A_FOLDER; file++)
          writeFileSync(join(directory, `${file}.js`), text(folder, file));
      }
      await mustRun(["tar", "-C", root, "--numeric-owner", "--sort=name", "-cf", path, "."]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}

/** Between 100 bytes and 4 kB, no two alike. */
function text(folder: number, file: number): string {
  const lines = 2 + ((folder * 31 + file * 17) % 60);
  return Array.from(
    { length: lines },
    (_, line) => `export const value${line} = "${folder}/${file}/${line * file}";\n`,
  ).join("");
}

const LOCK_PAUSE_MS = 100;

/**
 * The file of this name in the cache, made where it is missing. Of several processes that want it at once one makes it, and the
 * others wait.
 */
export async function cached(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  using _lock = await lockFile(`${path}.lock`);
  if (existsSync(path)) return path;
  await make(`${path}.part`);
  renameSync(`${path}.part`, path);
  return path;
}

async function lockFile(path: string): Promise<Disposable> {
  for (;;) {
    try {
      return flock(path);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      await Bun.sleep(LOCK_PAUSE_MS);
    }
  }
}
