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
  /* Its bytes are not here any more: they were known to be had elsewhere, and the disk was short. */
  "ALTER TABLE images_blobs ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0",
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

  /** Its bytes are here. */
  addBlob({ digest, diffId, mediaType, sizeBytes }: BlobRecord): void {
    this.#db.run(
      `INSERT INTO images_blobs (digest, diff_id, media_type, size_bytes) VALUES (?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET dropped = 0`,
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

  /** Those whose bytes are to be here. */
  keptBlobs(): Digest[] {
    return this.#db
      .all<{ digest: Digest }>("SELECT digest FROM images_blobs WHERE dropped = 0")
      .map(({ digest }) => digest);
  }

  isKeptBlob(digest: Digest): boolean {
    return this.#db.get("SELECT 1 FROM images_blobs WHERE digest = ? AND dropped = 0", digest) !== undefined;
  }

  /** Bytes that these take beside the layers' tars; a layer that travels uncompressed takes none. */
  keptBlobBytes(): number {
    const row = this.#db.get<{ bytes: number | null }>(
      `SELECT sum(size_bytes) AS bytes FROM images_blobs
       WHERE dropped = 0 AND digest NOT IN (SELECT diff_id FROM images_layers)`,
    );
    return row?.bytes ?? 0;
  }

  /** Those that a registry is known to have, the longest unseen first. */
  droppableBlobs(): Pick<BlobRecord, "digest" | "diffId" | "sizeBytes">[] {
    return this.#db
      .all<{ digest: Digest; diff_id: DiffId; size_bytes: number }>(
        `SELECT b.digest, b.diff_id, b.size_bytes FROM images_blobs b JOIN images_places p ON p.digest = b.digest
         WHERE b.dropped = 0 AND b.digest NOT IN (SELECT diff_id FROM images_layers)
         GROUP BY b.digest ORDER BY max(p.seen_ms)`,
      )
      .map((row) => ({ digest: row.digest, diffId: row.diff_id, sizeBytes: row.size_bytes }));
  }

  /** The bytes are about to go; what is known of them stays, and so does the way to have them again. */
  dropBlob(digest: Digest): void {
    this.#db.run("UPDATE images_blobs SET dropped = 1 WHERE digest = ?", digest);
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
    if (this.#db.get("SELECT 1 FROM images_blobs WHERE digest = ?", digest) === undefined) return;
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

  /** Repositories of all registries that have had the blob, the last seen first. */
  allPlacesOf(digest: Digest): { domain: string; path: string }[] {
    return this.#db.all<{ domain: string; path: string }>(
      "SELECT domain, path FROM images_places WHERE digest = ? ORDER BY seen_ms DESC",
      digest,
    );
  }
}
