import type { Digest } from "../lib/index.ts";
import type { Database } from "../store/index.ts";
import { type ImageDocument, parseImageDocument } from "./config.ts";
import type { DiffId, RootAttributes } from "./snapshots/snapshotter.ts";

const STEPS = [
  `CREATE TABLE images (
     id TEXT PRIMARY KEY,
     config BLOB NOT NULL,
     /* Milliseconds since the epoch, from the configuration; for order and filters. */
     created_ms INTEGER NOT NULL,
     /* The image that this one was made from here. */
     parent TEXT,
     last_tagged TEXT,
     /* Removed by the user, and still under a container: its layers stay, nobody finds it. */
     removed INTEGER NOT NULL DEFAULT 0
   ) STRICT;`,
  `CREATE TABLE images_layers (
     diff_id TEXT PRIMARY KEY,
     tar_bytes INTEGER NOT NULL,
     content_bytes INTEGER NOT NULL,
     root TEXT
   ) STRICT;`,
  `CREATE TABLE images_stacks (
     image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
     position INTEGER NOT NULL,
     diff_id TEXT NOT NULL REFERENCES images_layers (diff_id),
     PRIMARY KEY (image, position)
   ) STRICT, WITHOUT ROWID;`,
  "CREATE INDEX images_stacks_by_layer ON images_stacks (diff_id)",
  `CREATE TABLE images_names (
     /* docker.io/library/debian:12, or …@sha256:… */
     name TEXT PRIMARY KEY,
     image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
     is_digest INTEGER NOT NULL
   ) STRICT;`,
  "CREATE INDEX images_names_by_image ON images_names (image)",
  "CREATE INDEX images_by_parent ON images (parent)",
  `CREATE TABLE images_snapshots (
     key TEXT PRIMARY KEY,
     image TEXT NOT NULL REFERENCES images (id)
   ) STRICT;`,
  "CREATE INDEX images_snapshots_by_image ON images_snapshots (image)",
  `CREATE TABLE images_pins (
     /* Who wants the layer beside images: a record of the build cache. */
     owner TEXT NOT NULL,
     diff_id TEXT NOT NULL REFERENCES images_layers (diff_id) ON DELETE CASCADE,
     PRIMARY KEY (owner, diff_id)
   ) STRICT, WITHOUT ROWID;`,
  "CREATE INDEX images_pins_by_layer ON images_pins (diff_id)",
  `CREATE TABLE images_unsynced (
     /* Whole, and handed to the kernel that ran then, but not known to be on disk. */
     diff_id TEXT PRIMARY KEY REFERENCES images_layers (diff_id) ON DELETE CASCADE,
     boot TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/** An image as the catalog knows it. */
export interface ImageRecord {
  readonly document: ImageDocument;
  readonly createdMs: number;
  readonly parent: Digest | undefined;
  /** RFC 3339. */
  readonly lastTagged: string | undefined;
}

export interface LayerRecord {
  readonly diffId: DiffId;
  readonly tarBytes: number;
  readonly contentBytes: number;
  readonly root?: RootAttributes | undefined;
}

interface ImageRow {
  id: Digest;
  config: Uint8Array;
  created_ms: number;
  parent: Digest | null;
  last_tagged: string | null;
}

interface LayerRow {
  diff_id: DiffId;
  tar_bytes: number;
  content_bytes: number;
  root: string | null;
}

const IMAGE = "SELECT id, config, created_ms, parent, last_tagged FROM images";

/**
 * What is known of images: rows of the database and nothing else. A row names a layer only after the layer is
 * durable, or says beside it that it is not; a layer's files are removed only after its row.
 */
export class Catalog {
  readonly #db: Database;
  /** Parsed configurations, which never change; one an image. */
  readonly #documents = new Map<Digest, ImageDocument>();
  #waiting = 0;
  #hasSynced = false;

  constructor(db: Database) {
    this.#db = db;
    db.migrate("images", STEPS);
  }

  write<T>(work: () => T): T {
    return this.#db.write(work);
  }

  async durable(): Promise<void> {
    this.#waiting++;
    try {
      await this.#db.durable();
      this.#hasSynced = true;
    } catch (error) {
      this.#hasSynced = false;
      throw error;
    } finally {
      this.#waiting--;
    }
  }

  /**
   * Whether what is found here was told to be durable, by this process: nobody still waits for the disk, which has not failed,
   * and what an earlier process wrote last went there with what this one wrote first.
   */
  get isSettled(): boolean {
    return this.#hasSynced && this.#waiting === 0;
  }

  // ——— images ———

  get(id: Digest): ImageRecord | undefined {
    const row = this.#db.get<ImageRow>(`${IMAGE} WHERE id = ? AND removed = 0`, id);
    return row === undefined ? undefined : this.#record(row);
  }

  /** Also one that was removed and is still under a container. */
  getRemoved(id: Digest): ImageRecord | undefined {
    const row = this.#db.get<ImageRow>(`${IMAGE} WHERE id = ?`, id);
    return row === undefined ? undefined : this.#record(row);
  }

  all(): ImageRecord[] {
    return this.#db.all<ImageRow>(`${IMAGE} WHERE removed = 0`).map((row) => this.#record(row));
  }

  #record(row: ImageRow): ImageRecord {
    let document = this.#documents.get(row.id);
    if (document === undefined) {
      document = parseImageDocument(row.config);
      this.#documents.set(row.id, document);
    }
    return {
      document,
      createdMs: row.created_ms,
      parent: row.parent ?? undefined,
      lastTagged: row.last_tagged ?? undefined,
    };
  }

  /** Ids that begin with these hex digits; no more than two, which is enough to know that they are not one. */
  startingWith(hex: string): Digest[] {
    const rows = this.#db.all<{ id: Digest }>(
      "SELECT id FROM images WHERE id >= ? AND id < ? AND removed = 0 LIMIT 2",
      `sha256:${hex}`,
      `sha256:${hex}g`,
    );
    return rows.map(({ id }) => id);
  }

  /** Adds an image whose layers are all recorded. @returns false where it was there */
  add(document: ImageDocument, parent?: Digest): boolean {
    const { id, bytes, created, layers } = document;
    return this.write(() => {
      const known = this.#db.get<{ removed: number }>("SELECT removed FROM images WHERE id = ?", id);
      if (known !== undefined) {
        if (known.removed === 0) return false;
        this.#db.run("UPDATE images SET removed = 0 WHERE id = ?", id);
        return true;
      }
      const createdMs = created === undefined ? 0 : Date.parse(created);
      this.#db.run(
        "INSERT INTO images (id, config, created_ms, parent) VALUES (?, ?, ?, ?)",
        ...[id, bytes, createdMs, parent ?? null],
      );
      for (const [position, diffId] of layers.entries()) {
        this.#db.run(
          "INSERT INTO images_stacks (image, position, diff_id) VALUES (?, ?, ?)",
          id,
          position,
          diffId,
        );
      }
      return true;
    });
  }

  /** Forgets an image and its names; where a snapshot stands on it, only nobody finds it any more. */
  remove(id: Digest): void {
    this.write(() => {
      this.#db.run("DELETE FROM images_names WHERE image = ?", id);
      if (this.isUnderSnapshot(id)) this.#db.run("UPDATE images SET removed = 1 WHERE id = ?", id);
      else this.#drop(id);
    });
  }

  #drop(id: Digest): void {
    this.#db.run("DELETE FROM images WHERE id = ?", id);
    this.#documents.delete(id);
  }

  children(id: Digest): Digest[] {
    const rows = this.#db.all<{ id: Digest }>("SELECT id FROM images WHERE parent = ? AND removed = 0", id);
    return rows.map((row) => row.id);
  }

  // ——— names ———

  imageOf(name: string): Digest | undefined {
    return this.#db.get<{ image: Digest }>("SELECT image FROM images_names WHERE name = ?", name)?.image;
  }

  /** Full names, tags before digests, in order. */
  namesOf(id: Digest): { name: string; isDigest: boolean }[] {
    const rows = this.#db.all<{ name: string; is_digest: number }>(
      "SELECT name, is_digest FROM images_names WHERE image = ? ORDER BY is_digest, name",
      id,
    );
    return rows.map((row) => ({ name: row.name, isDigest: row.is_digest === 1 }));
  }

  /** Full names of a repository's tags, in order. */
  tagsOf(repository: string): string[] {
    // The names that begin with the repository and a colon: a semicolon is the next character.
    const rows = this.#db.all<{ name: string }>(
      "SELECT name FROM images_names WHERE name >= ? AND name < ? AND is_digest = 0 ORDER BY name",
      ...[`${repository}:`, `${repository};`],
    );
    return rows.map(({ name }) => name);
  }

  /** Points a name at an image, away from any other. */
  setName(name: string, image: Digest, isDigest: boolean): void {
    this.write(() => {
      this.#db.run(
        "INSERT OR REPLACE INTO images_names (name, image, is_digest) VALUES (?, ?, ?)",
        ...[name, image, isDigest],
      );
      if (!isDigest) {
        this.#db.run("UPDATE images SET last_tagged = ? WHERE id = ?", new Date().toISOString(), image);
      }
    });
  }

  removeName(name: string): void {
    this.#db.run("DELETE FROM images_names WHERE name = ?", name);
  }

  // ——— layers ———

  addLayer({ diffId, tarBytes, contentBytes, root }: LayerRecord): void {
    this.#db.run(
      "INSERT OR IGNORE INTO images_layers (diff_id, tar_bytes, content_bytes, root) VALUES (?, ?, ?, ?)",
      ...[diffId, tarBytes, contentBytes, root === undefined ? null : JSON.stringify(root)],
    );
  }

  layer(diffId: DiffId): LayerRecord | undefined {
    const row = this.#db.get<LayerRow>("SELECT * FROM images_layers WHERE diff_id = ?", diffId);
    return row === undefined ? undefined : layerRecord(row);
  }

  /** What the topmost layer that says something about the root directory itself says. */
  rootOf(layers: readonly DiffId[]): RootAttributes | undefined {
    return layers.map((diffId) => this.layer(diffId)?.root).findLast((root) => root !== undefined);
  }

  layers(): LayerRecord[] {
    return this.#db.all<LayerRow>("SELECT * FROM images_layers").map(layerRecord);
  }

  /** How many images each layer is in; an image that has it twice counts once. */
  layerUses(): Map<DiffId, number> {
    const rows = this.#db.all<{ diff_id: DiffId; uses: number }>(
      `SELECT diff_id, count(DISTINCT image) AS uses FROM images_stacks
       JOIN images ON images.id = image WHERE removed = 0 GROUP BY diff_id`,
    );
    return new Map(rows.map((row) => [row.diff_id, row.uses]));
  }

  /** Images that have the layer. */
  imagesWith(diffId: DiffId): Digest[] {
    const rows = this.#db.all<{ image: Digest }>(
      `SELECT DISTINCT image FROM images_stacks JOIN images ON images.id = image
       WHERE diff_id = ? AND removed = 0 ORDER BY created_ms, image`,
      diffId,
    );
    return rows.map(({ image }) => image);
  }

  /** Whether an image has the layer, also one that was removed and is still under a container. */
  isInImage(diffId: DiffId): boolean {
    return this.#db.get("SELECT 1 FROM images_stacks WHERE diff_id = ? LIMIT 1", diffId) !== undefined;
  }

  /** Bytes of the files of all layers that images have, each once. */
  imageLayerBytes(): number {
    const row = this.#db.get<{ bytes: number | null }>(
      "SELECT sum(content_bytes) AS bytes FROM images_layers WHERE diff_id IN (SELECT diff_id FROM images_stacks)",
    );
    return row?.bytes ?? 0;
  }

  /** Layers that no image has, and no pin keeps. */
  unusedLayers(): LayerRecord[] {
    return this.#db
      .all<LayerRow>(
        `SELECT * FROM images_layers WHERE diff_id NOT IN (SELECT diff_id FROM images_stacks)
         AND diff_id NOT IN (SELECT diff_id FROM images_pins)`,
      )
      .map(layerRecord);
  }

  /** Keeps layers for somebody, whatever images there are. */
  pin(owner: string, layers: readonly DiffId[]): void {
    this.write(() => {
      for (const diffId of layers)
        this.#db.run("INSERT OR IGNORE INTO images_pins (owner, diff_id) VALUES (?, ?)", owner, diffId);
    });
  }

  unpin(owner: string): void {
    this.#db.run("DELETE FROM images_pins WHERE owner = ?", owner);
  }

  /** The layer's bytes were handed to the kernel that runs now, which `boot` names. */
  addUnsynced(diffId: DiffId, boot: string): void {
    this.#db.run("INSERT OR IGNORE INTO images_unsynced (diff_id, boot) VALUES (?, ?)", diffId, boot);
  }

  unsynced(): { diffId: DiffId; boot: string }[] {
    return this.#db
      .all<{ diff_id: DiffId; boot: string }>("SELECT * FROM images_unsynced")
      .map(({ diff_id, boot }) => ({ diffId: diff_id, boot }));
  }

  removeUnsynced(layers: readonly DiffId[]): void {
    this.write(() => {
      for (const diffId of layers) this.#db.run("DELETE FROM images_unsynced WHERE diff_id = ?", diffId);
    });
  }

  removeLayer(diffId: DiffId): void {
    this.#db.run("DELETE FROM images_layers WHERE diff_id = ?", diffId);
  }

  // ——— snapshots ———

  /** @returns false where the key is there */
  addSnapshot(key: string, image: Digest): boolean {
    if (this.snapshotImage(key) !== undefined) return false;
    this.#db.run("INSERT INTO images_snapshots (key, image) VALUES (?, ?)", key, image);
    return true;
  }

  snapshotImage(key: string): Digest | undefined {
    return this.#db.get<{ image: Digest }>("SELECT image FROM images_snapshots WHERE key = ?", key)?.image;
  }

  isUnderSnapshot(image: Digest): boolean {
    return this.#db.get("SELECT 1 FROM images_snapshots WHERE image = ? LIMIT 1", image) !== undefined;
  }

  snapshotKeys(): string[] {
    return this.#db.all<{ key: string }>("SELECT key FROM images_snapshots").map(({ key }) => key);
  }

  /** @returns whether an image that only this snapshot kept is gone with it */
  removeSnapshot(key: string): boolean {
    return this.write(() => {
      const image = this.snapshotImage(key);
      if (image === undefined) return false;
      this.#db.run("DELETE FROM images_snapshots WHERE key = ?", key);
      const wasLast = this.#db.get(
        `SELECT 1 FROM images WHERE id = ? AND removed = 1
         AND NOT EXISTS (SELECT 1 FROM images_snapshots WHERE image = images.id)`,
        image,
      );
      if (wasLast !== undefined) this.#drop(image);
      return wasLast !== undefined;
    });
  }
}

function layerRecord(row: LayerRow): LayerRecord {
  return {
    diffId: row.diff_id,
    tarBytes: row.tar_bytes,
    contentBytes: row.content_bytes,
    root: row.root === null ? undefined : (JSON.parse(row.root) as RootAttributes),
  };
}
