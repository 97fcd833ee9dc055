import type { Digest } from "../../lib/index.ts";
import type { Database } from "../../store/index.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";

const STEPS = [
  `CREATE TABLE images_blobs (
     /* Of the layer as it travels: compressed, most often. */
     digest TEXT PRIMARY KEY,
     diff_id TEXT NOT NULL REFERENCES images_layers (diff_id) ON DELETE CASCADE,
     media_type TEXT NOT NULL,
     size_bytes INTEGER NOT NULL
   ) STRICT;`,
  "CREATE INDEX images_blobs_by_layer ON images_blobs (diff_id)",
  `CREATE TABLE images_manifests (
     digest TEXT PRIMARY KEY,
     image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
     media_type TEXT NOT NULL,
     /* As they came, so that what is pushed again is the same. */
     bytes BLOB NOT NULL,
     seen_ms INTEGER NOT NULL
   ) STRICT;`,
  "CREATE INDEX images_manifests_by_image ON images_manifests (image)",
  `CREATE TABLE images_places (
     digest TEXT NOT NULL REFERENCES images_blobs (digest) ON DELETE CASCADE,
     domain TEXT NOT NULL,
     path TEXT NOT NULL,
     seen_ms INTEGER NOT NULL,
     PRIMARY KEY (digest, domain, path)
   ) STRICT, WITHOUT ROWID;`,
];

/** A layer in the form in which it travels. */
export interface BlobRecord {
  readonly digest: Digest;
  readonly diffId: DiffId;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** A manifest of an image, byte for byte. */
export interface ManifestRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Repositories that are remembered of one blob. */
const PLACES_MAX = 8;

/**
 * What is known of images beyond what a container needs: how their layers travel, the manifests they came with, and
 * in which repositories their layers were seen. Rows go with their layer or image.
 */
export class TravelRecords {
  readonly #db: Database;

  /** The catalog's tables are there. */
  constructor(db: Database) {
    this.#db = db;
    db.migrate("images-travel", STEPS);
  }

  addBlob({ digest, diffId, mediaType, sizeBytes }: BlobRecord): void {
    this.#db.run(
      "INSERT OR IGNORE INTO images_blobs (digest, diff_id, media_type, size_bytes) VALUES (?, ?, ?, ?)",
      ...[digest, diffId, mediaType, sizeBytes],
    );
  }

  blobsOf(diffId: DiffId): BlobRecord[] {
    return this.#db
      .all<{ digest: Digest; media_type: string; size_bytes: number }>(
        "SELECT digest, media_type, size_bytes FROM images_blobs WHERE diff_id = ? ORDER BY rowid DESC",
        diffId,
      )
      .map((row) => ({ digest: row.digest, diffId, mediaType: row.media_type, sizeBytes: row.size_bytes }));
  }

  blobDigests(): Digest[] {
    return this.#db.all<{ digest: Digest }>("SELECT digest FROM images_blobs").map(({ digest }) => digest);
  }

  isBlob(digest: Digest): boolean {
    return this.#db.get("SELECT 1 FROM images_blobs WHERE digest = ?", digest) !== undefined;
  }

  addManifest(image: Digest, { digest, mediaType, bytes }: ManifestRecord): void {
    this.#db.run(
      `INSERT INTO images_manifests (digest, image, media_type, bytes, seen_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET seen_ms = excluded.seen_ms, image = excluded.image`,
      ...[digest, image, mediaType, bytes, Date.now()],
    );
  }

  /** The last seen first. */
  manifestsOf(image: Digest): ManifestRecord[] {
    return this.#db
      .all<{ digest: Digest; media_type: string; bytes: Uint8Array }>(
        "SELECT digest, media_type, bytes FROM images_manifests WHERE image = ? ORDER BY seen_ms DESC, rowid DESC",
        image,
      )
      .map((row) => ({ digest: row.digest, mediaType: row.media_type, bytes: row.bytes }));
  }

  /** Does nothing for a blob that is not recorded. */
  addPlace(digest: Digest, { domain, path }: { domain: string; path: string }): void {
    if (!this.isBlob(digest)) return;
    this.#db.run(
      "INSERT OR REPLACE INTO images_places (digest, domain, path, seen_ms) VALUES (?, ?, ?, ?)",
      ...[digest, domain, path, Date.now()],
    );
    this.#db.run(
      `DELETE FROM images_places WHERE digest = ? AND (domain, path) NOT IN
       (SELECT domain, path FROM images_places WHERE digest = ? ORDER BY seen_ms DESC LIMIT ${PLACES_MAX})`,
      ...[digest, digest],
    );
  }

  /** Paths of a registry's repositories that have had the blob, the last seen first. */
  placesOf(digest: Digest, domain: string): string[] {
    return this.#db
      .all<{ path: string }>(
        "SELECT path FROM images_places WHERE digest = ? AND domain = ? ORDER BY seen_ms DESC",
        ...[digest, domain],
      )
      .map(({ path }) => path);
  }
}
