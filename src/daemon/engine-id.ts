import { randomUUID } from "node:crypto";
import type { Database } from "../store/index.ts";

/** The engine's own id (`ID` of `info`), made at its first start and kept with its data. */
export function engineId(db: Database): string {
  db.migrate("engine", ["CREATE TABLE engine (id TEXT NOT NULL) STRICT"]);
  const known = db.get<{ id: string }>("SELECT id FROM engine");
  if (known !== undefined) return known.id;
  const id = randomUUID();
  db.write(() => db.run("INSERT INTO engine (id) VALUES (?)", id));
  return id;
}
