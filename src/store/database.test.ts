import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "./database.ts";

const directories: string[] = [];
const databases: Database[] = [];

function newPath(): string {
  const directory = mkdtempSync(join(tmpdir(), "berth-store-"));
  directories.push(directory);
  return join(directory, "berth.db");
}

function open(path = newPath(), sync?: (fd: number) => Promise<void>): Database {
  const db = Database.open(path, { sync });
  databases.push(db);
  return db;
}

afterEach(() => {
  for (const db of databases.splice(0)) db.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const TABLE = ["CREATE TABLE test_items (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"];
const count = (db: Database) => db.get<{ n: number }>("SELECT count(*) AS n FROM test_items")!.n;

describe("transactions", () => {
  test("are kept whole or not at all", () => {
    const db = open();
    db.migrate("test", TABLE);
    expect(() =>
      db.write(() => {
        db.run("INSERT INTO test_items (text) VALUES (?)", "a");
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(count(db)).toBe(0);
    const answer = db.write(() => {
      db.run("INSERT INTO test_items (text) VALUES (?)", "a");
      return 42;
    });
    expect(answer).toBe(42);
    expect(count(db)).toBe(1);
  });

  test("one inside another fails alone, and goes with the outer one", () => {
    const db = open();
    db.migrate("test", TABLE);
    db.write(() => {
      db.run("INSERT INTO test_items (text) VALUES ('outer')");
      expect(() =>
        db.write(() => {
          db.run("INSERT INTO test_items (text) VALUES ('inner')");
          throw new Error("inner");
        }),
      ).toThrow("inner");
    });
    expect(db.all<{ text: string }>("SELECT text FROM test_items")).toEqual([{ text: "outer" }]);
  });

  test("numbers that need 64 bits go in whole", () => {
    const db = open();
    db.migrate("test", TABLE);
    db.run("INSERT INTO test_items (id, text) VALUES (?, ?)", 9007199254740993n, "x");
    expect(db.get<{ id: string }>("SELECT CAST(id AS TEXT) AS id FROM test_items")?.id).toBe(
      "9007199254740993",
    );
    expect(db.get("SELECT * FROM test_items WHERE id = 1")).toBeUndefined();
  });
});

describe("the file", () => {
  test("is its owner's only, whatever the umask", () => {
    const previous = process.umask(0);
    try {
      const path = newPath();
      open(path).migrate("test", TABLE);
      for (const name of [path, `${path}-wal`, `${path}-shm`])
        expect(statSync(name).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(previous);
    }
  });

  test("that is no database is refused by name", () => {
    const path = newPath();
    writeFileSync(path, "this is not a database, it is a text of some length".repeat(40));
    expect(() => Database.open(path)).toThrow(`cannot open the database ${path}`);
  });

  test("closes twice, and is there when opened again", () => {
    const path = newPath();
    const db = open(path);
    db.migrate("test", TABLE);
    db.run("INSERT INTO test_items (text) VALUES ('kept')");
    db.close();
    db.close();
    expect(count(open(path))).toBe(1);
  });
});

describe("migrations", () => {
  test("run each step once, and later steps on old files", () => {
    const path = newPath();
    const db = open(path);
    db.migrate("test", TABLE);
    db.migrate("test", TABLE);
    db.close();
    const later = open(path);
    later.migrate("test", [...TABLE, "ALTER TABLE test_items ADD COLUMN extra TEXT"]);
    later.run("INSERT INTO test_items (text, extra) VALUES ('a', 'b')");
    expect(count(later)).toBe(1);
  });

  test("a step that fails leaves nothing of itself", () => {
    const db = open();
    expect(() => db.migrate("test", [TABLE[0]!, "CREATE NONSENSE"])).toThrow();
    db.migrate("test", TABLE);
    expect(count(db)).toBe(0);
  });

  test("a file of a newer version is refused", () => {
    const db = open();
    db.migrate("test", [...TABLE, "CREATE TABLE test_more (id INTEGER) STRICT"]);
    expect(() => db.migrate("test", TABLE)).toThrow("newer version");
  });
});

describe("durable", () => {
  /** A disk whose syncs the test ends by hand. */
  function manualDisk() {
    const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
    let calls = 0;
    const sync = () =>
      new Promise<void>((resolve, reject) => {
        calls++;
        waiting.push({ resolve, reject });
      });
    return { sync, waiting, calls: () => calls };
  }

  test("costs nothing when nothing was written", async () => {
    const disk = manualDisk();
    await open(newPath(), disk.sync).durable();
    expect(disk.calls()).toBe(0);
  });

  test("callers share a sync, but never one that began before their write", async () => {
    const disk = manualDisk();
    const db = open(newPath(), disk.sync);
    db.migrate("test", TABLE);
    const insert = () => {
      db.run("INSERT INTO test_items (text) VALUES ('x')");
      return db.durable();
    };
    const first = db.durable();
    const later = Array.from({ length: 50 }, insert);
    expect(disk.calls()).toBe(1);
    disk.waiting.shift()!.resolve();
    await first;
    await Bun.sleep(0);
    expect(disk.calls()).toBe(2);
    disk.waiting.shift()!.resolve();
    await Promise.all(later);
    await db.durable();
    expect(disk.calls()).toBe(2);
  });

  test("a disk that fails is told to those who waited, and tried again for the next", async () => {
    const disk = manualDisk();
    const db = open(newPath(), disk.sync);
    db.migrate("test", TABLE);
    const failed = db.durable();
    disk.waiting.shift()!.reject(new Error("EIO: i/o error"));
    expect(failed).rejects.toThrow("cannot write the database to disk: EIO");
    await failed.catch(() => {});
    const again = db.durable();
    disk.waiting.shift()!.resolve();
    await again;
    expect(disk.calls()).toBe(2);
  });

  test("works on a real disk", async () => {
    const db = open();
    db.migrate("test", TABLE);
    await db.durable();
  });
});

test("a process killed amid its writes leaves whole transactions, and all that it had announced", async () => {
  const path = newPath();
  const program = `
    const { Database } = await import(${JSON.stringify(join(import.meta.dir, "database.ts"))});
    const db = Database.open(process.argv[1]);
    db.migrate("test", ["CREATE TABLE test_a (n INTEGER PRIMARY KEY, fill TEXT) STRICT", "CREATE TABLE test_b (n INTEGER PRIMARY KEY, fill TEXT) STRICT"]);
    const fill = "x".repeat(3000);
    for (let n = 1; ; n++) {
      db.write(() => { db.run("INSERT INTO test_a VALUES (?, ?)", n, fill); db.run("INSERT INTO test_b VALUES (?, ?)", n, fill); });
      if (n % 10 === 0) { await db.durable(); require("node:fs").writeSync(1, n + "\\n"); }
    }`;
  for (const announcements of [1, 7, 40]) {
    const child = Bun.spawn([process.execPath, "-e", program, path], { stdout: "pipe", stderr: "inherit" });
    let announced = 0;
    let lines = 0;
    let text = "";
    for await (const bytes of child.stdout) {
      text += Buffer.from(bytes).toString();
      lines = text.split("\n").length - 1;
      announced = Number(text.trimEnd().split("\n").at(-1));
      if (lines >= announcements) child.kill("SIGKILL");
    }
    await child.exited;
    const db = open(path);
    const a = db.get<{ n: number; last: number }>("SELECT count(*) AS n, max(n) AS last FROM test_a")!;
    const b = db.get<{ n: number; last: number }>("SELECT count(*) AS n, max(n) AS last FROM test_b")!;
    expect(a).toEqual(b);
    expect(a.n).toBe(a.last);
    expect(a.last).toBeGreaterThanOrEqual(announced);
    expect(db.get<{ integrity_check: string }>("PRAGMA integrity_check")?.integrity_check).toBe("ok");
    db.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  }
});
