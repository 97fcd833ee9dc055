import type { Database } from "../../store/index.ts";
import { VersionRecords } from "./records.ts";

/** How many versions of each name are kept, the present one among them, and for how long after they were left. */
export interface VersionLimits {
  /** 0: moves are not recorded. */
  readonly count: number;
  /** Milliseconds since the name went on to another image; undefined: for any time. */
  readonly ageMs: number | undefined;
}

export const DEFAULT_VERSION_LIMITS: VersionLimits = { count: 10, ageMs: undefined };

/** The moves of names: where they are kept, and how many. */
export class Versions {
  readonly records: VersionRecords;
  limits: VersionLimits;
  /** Called inside the transaction that moves a name: what is too much now is removed after it. */
  whenMoved: (name: string) => void = () => {};

  constructor(db: Database, limits: VersionLimits) {
    this.records = new VersionRecords(db);
    this.limits = limits;
  }
}
