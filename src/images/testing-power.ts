import { fdatasync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Small, so that it is copied in milliseconds; with room for the images of these tests several times. */
const DISK_BYTES = 64 << 20;

function run(...command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

/** Whether loop devices can be had here. */
export function canMountDisks(): boolean {
  try {
    using _disk = new TestDisk();
    return true;
  } catch {
    return false;
  }
}

/**
 * An ext4 of its own on a file: the file is the disk, and what it has at a moment is what a power cut at that moment leaves.
 * What the kernel still holds in memory is not in it. The kernel writes nothing back by itself for ten minutes.
 */
export class TestDisk implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "berth-disk-"));
  readonly #file = join(this.#directory, "disk");
  /** Where it is mounted. */
  readonly path = join(this.#directory, "mounted");
  readonly #copies: string[] = [];

  /** @param from another disk's copy */
  constructor(from?: string) {
    mkdirSync(this.path);
    try {
      if (from === undefined) {
        run("truncate", "-s", String(DISK_BYTES), this.#file);
        run("mkfs.ext4", "-q", "-J", "size=4", this.#file);
      } else copy(from, this.#file);
      run("mount", "-o", "loop,commit=600", this.#file, this.path);
    } catch (error) {
      rmSync(this.#directory, { recursive: true });
      throw error;
    }
  }

  /** What would be left if the power went now. Nobody may sync meanwhile. */
  powerCut(): void {
    const path = join(this.#directory, `copy-${this.#copies.length}`);
    copy(this.#file, path);
    this.#copies.push(path);
  }

  /** Disks as `powerCut` saw them. */
  get copies(): readonly string[] {
    return this.#copies;
  }

  [Symbol.dispose](): void {
    // A failed test may have left files open: they are closed when its process ends.
    run("umount", "--lazy", this.path);
    rmSync(this.#directory, { recursive: true });
  }
}

/** Without the holes, of which such a disk mostly consists. */
function copy(from: string, to: string): void {
  run("cp", "--sparse=always", from, to);
}

type Sync = (this: FileHandle) => Promise<void>;

/**
 * While it is there, the power goes before and after each sync of a file or a directory in this process. One sync at a time:
 * what one makes durable is not to depend on another.
 * @param real false: syncs do nothing, as with a disk that lies
 */
export class PowerCuts implements AsyncDisposable {
  readonly #disk: TestDisk;
  readonly #real: boolean;
  readonly #handles: { sync: Sync; datasync: Sync };
  readonly #before: { sync: Sync; datasync: Sync };
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(disk: TestDisk, real: boolean, handles: { sync: Sync; datasync: Sync }) {
    this.#disk = disk;
    this.#real = real;
    this.#handles = handles;
    const { sync, datasync } = handles;
    this.#before = { sync, datasync };
    const hooked = (original: Sync): Sync => {
      const around = (work: () => Promise<void>) => this.#around(work);
      return function (this: FileHandle) {
        return around(() => original.call(this));
      };
    };
    handles.sync = hooked(sync);
    handles.datasync = hooked(datasync);
  }

  static async begin(disk: TestDisk, real = true): Promise<PowerCuts> {
    await using handle = await open(disk.path, "r");
    return new PowerCuts(disk, real, Object.getPrototypeOf(handle) as { sync: Sync; datasync: Sync });
  }

  /** For a database, which syncs by a descriptor. */
  readonly sync = (fd: number): Promise<void> =>
    this.#around(
      () => new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve()))),
    );

  #around(sync: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(async () => {
      this.#disk.powerCut();
      if (this.#real) await sync();
      this.#disk.powerCut();
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    Object.assign(this.#handles, this.#before);
  }
}
