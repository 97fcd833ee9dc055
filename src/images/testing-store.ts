import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../lib/index.ts";
import { BlobStore, Database, Trash } from "../store/index.ts";
import { Images, type ImagesOptions } from "./images.ts";
import { openSnapshotter, type SnapshotterName } from "./snapshots/open.ts";

type More = Pick<ImagesOptions, "registries" | "patience" | "freeBytes"> & {
  readonly sync?: (fd: number) => Promise<void>;
};

/** An image store in a directory of its own, for tests. */
export class TestStore implements AsyncDisposable {
  readonly root: string;
  readonly images: Images;
  readonly db: Database;
  readonly events: EngineEvent[];
  /** Containers that run, as far as the store is told. */
  readonly running: Set<string>;

  private constructor(
    root: string,
    db: Database,
    images: Images,
    events: EngineEvent[],
    running: Set<string>,
  ) {
    this.root = root;
    this.db = db;
    this.images = images;
    this.events = events;
    this.running = running;
  }

  static async create(name?: SnapshotterName, more?: More): Promise<TestStore> {
    return await TestStore.open(await mkdtemp(join(tmpdir(), "berth-images-")), name, more);
  }

  static async open(root: string, name?: SnapshotterName, more: More = {}): Promise<TestStore> {
    const db = Database.open(join(root, "berth.db"), more.sync === undefined ? {} : { sync: more.sync });
    const events: EngineEvent[] = [];
    const running = new Set<string>();
    const snapshotter = await openSnapshotter({
      root: join(root, "snapshots"),
      trash: Trash.open(join(root, "trash")),
      name,
    });
    const images = await Images.open({
      db,
      blobs: await BlobStore.open(join(root, "blobs")),
      snapshotter,
      emit: (event) => events.push(event),
      dataRoot: root,
      isRunning: (id) => running.has(id),
      ...more,
    });
    return new TestStore(root, db, images, events, running);
  }

  /** `tag debian:12`, as they happened. */
  told(): string[] {
    return this.events.map(({ action, attributes }) => `${action} ${attributes["name"] ?? ""}`.trim());
  }

  /** Everything on disk that images leave: layers in both forms, and what is unfinished. */
  async inventory(): Promise<string[]> {
    const files: string[] = [];
    for (const part of ["blobs", "snapshots", "trash"]) {
      files.push(
        ...(await readdir(join(this.root, part), { recursive: true })).map((path) => `${part}/${path}`),
      );
    }
    return files.sort();
  }

  /** As a crash would: nothing is undone. */
  async close(): Promise<void> {
    await this.images.close();
    this.db.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await rm(this.root, { recursive: true, force: true });
  }
}
