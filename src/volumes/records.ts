import type { Database } from "../store/index.ts";

/** What is kept of a volume. */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: string;
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

interface Row {
  name: string;
  driver: string;
  created: string;
  labels: string;
  options: string;
}

const MIGRATIONS = [
  `CREATE TABLE volumes_volumes (
     name TEXT PRIMARY KEY,
     driver TEXT NOT NULL,
     created TEXT NOT NULL,
     labels TEXT NOT NULL,
     options TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE volumes_uses (
     volume TEXT NOT NULL REFERENCES volumes_volumes (name) ON DELETE CASCADE,
     container TEXT NOT NULL,
     PRIMARY KEY (volume, container)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX volumes_uses_by_container ON volumes_uses (container);`,
  `CREATE TABLE volumes_mounts (
     volume TEXT NOT NULL REFERENCES volumes_volumes (name) ON DELETE CASCADE,
     container TEXT NOT NULL,
     PRIMARY KEY (volume, container)
   ) STRICT, WITHOUT ROWID;`,
];

/** The volumes that there are and the containers that use them: memory for reading, SQLite behind it. */
export class VolumeRecords {
  readonly #db: Database;
  readonly #volumes = new Map<string, VolumeRecord>();
  /** Volume name → ids of containers, which need not run. */
  readonly #uses = new Map<string, Set<string>>();
  /** Container's id → volumes that are mounted for its run, of drivers that want it so. */
  readonly #mounts = new Map<string, Set<string>>();

  constructor(db: Database) {
    this.#db = db;
    db.migrate("volumes", MIGRATIONS);
    for (const row of db.all<Row>("SELECT * FROM volumes_volumes")) {
      this.#volumes.set(row.name, {
        ...row,
        labels: JSON.parse(row.labels) as Record<string, string>,
        options: JSON.parse(row.options) as Record<string, string>,
      });
    }
    for (const use of db.all<{ volume: string; container: string }>("SELECT * FROM volumes_uses")) {
      this.#usersOf(use.volume).add(use.container);
    }
    for (const mount of db.all<{ volume: string; container: string }>("SELECT * FROM volumes_mounts")) {
      setIn(this.#mounts, mount.container).add(mount.volume);
    }
  }

  get(name: string): VolumeRecord | undefined {
    return this.#volumes.get(name);
  }

  /** By name. */
  all(): VolumeRecord[] {
    return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  add(volume: VolumeRecord): void {
    this.#db.run(
      "INSERT INTO volumes_volumes (name, driver, created, labels, options) VALUES (?, ?, ?, ?, ?)",
      volume.name,
      volume.driver,
      volume.created,
      JSON.stringify(volume.labels),
      JSON.stringify(volume.options),
    );
    this.#volumes.set(volume.name, volume);
  }

  remove(name: string): void {
    this.#db.run("DELETE FROM volumes_volumes WHERE name = ?", name);
    this.#volumes.delete(name);
    this.#uses.delete(name);
    for (const volumes of this.#mounts.values()) volumes.delete(name);
  }

  users(name: string): string[] {
    return [...(this.#uses.get(name) ?? [])];
  }

  volumesOf(container: string): string[] {
    return [...this.#uses].filter(([, users]) => users.has(container)).map(([volume]) => volume);
  }

  addUse(volume: string, container: string): void {
    const users = this.#usersOf(volume);
    if (users.has(container)) return;
    this.#db.run("INSERT INTO volumes_uses (volume, container) VALUES (?, ?)", volume, container);
    users.add(container);
  }

  /** Of one container, all of its uses. */
  removeUses(container: string): void {
    const volumes = this.volumesOf(container);
    if (volumes.length === 0) return;
    this.#db.run("DELETE FROM volumes_uses WHERE container = ?", container);
    for (const volume of volumes) this.#uses.get(volume)?.delete(container);
  }

  /** So that what was added is still there after a power cut. */
  durable(): Promise<void> {
    return this.#db.durable();
  }

  /** The volumes that are mounted for a container's run. */
  mountedFor(container: string): string[] {
    return [...(this.#mounts.get(container) ?? [])];
  }

  addMount(volume: string, container: string): void {
    const volumes = setIn(this.#mounts, container);
    if (volumes.has(volume)) return;
    this.#db.run("INSERT INTO volumes_mounts (volume, container) VALUES (?, ?)", volume, container);
    volumes.add(volume);
  }

  removeMount(volume: string, container: string): void {
    this.#db.run("DELETE FROM volumes_mounts WHERE volume = ? AND container = ?", volume, container);
    const volumes = this.#mounts.get(container);
    volumes?.delete(volume);
    if (volumes?.size === 0) this.#mounts.delete(container);
  }

  #usersOf(volume: string): Set<string> {
    return setIn(this.#uses, volume);
  }
}

function setIn(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
