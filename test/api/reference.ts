import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Shape, Types } from "./shape.ts";

/** An operation of Docker's API: facts of its own description, see `scripts/derive-reference.ts`. */
export interface ReferenceOperation {
  readonly method: string;
  /** `/containers/{id}/json` */
  readonly path: string;
  readonly tag: string;
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  readonly body?: Shape;
  /** Status → what comes with it; null: nothing. Only of success: all failures have the same body. */
  readonly answers?: Readonly<Record<string, Shape | null>>;
}

export interface Reference {
  /** The version of the API that is described. */
  readonly version: string;
  readonly operations: readonly ReferenceOperation[];
  readonly types: Types;
}

/** Those of a cluster, or of `docker plugin`: of them only the operation is told, not what goes in and out. */
export const OUTSIDE_TAGS = new Set(["Swarm", "Node", "Service", "Task", "Secret", "Config", "Plugin"]);

export const REFERENCE_PATH = join(import.meta.dir, "reference.json");

export function readReference(): Reference {
  return JSON.parse(readFileSync(REFERENCE_PATH, "utf8")) as Reference;
}
