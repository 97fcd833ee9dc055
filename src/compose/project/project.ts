import type {
  ProjectConfig,
  ProjectModel,
  ProjectNetwork,
  ProjectSecret,
  ProjectVolume,
  Service,
} from "../model/index.ts";
import type { Variables } from "./load/context.ts";
import type { Node, Place } from "./yaml/node.ts";

export type Table<T> = Record<string, T>;

/** Many containers as one application: what its Compose files amount to. */
export interface Project {
  readonly name: string;
  /** Absolute; relative paths of the main files start here. */
  readonly directory: string;
  /** Absolute paths of the main files, in the order in which they were merged; `-` is standard input. */
  readonly files: readonly string[];
  readonly envFiles: readonly string[];
  /** The variables of the process, then those of the `.env` files. */
  readonly environment: Variables;
  readonly profiles: readonly string[];
  readonly services: Table<Service>;
  /** Services whose profiles are not enabled. */
  readonly disabled: Table<Service>;
  /** Every network has its `name`; `null` never stands here. */
  readonly networks: Table<ProjectNetwork>;
  readonly volumes: Table<ProjectVolume>;
  readonly secrets: Table<ProjectSecret>;
  readonly configs: Table<ProjectConfig>;
  readonly models: Table<ProjectModel>;
  /** The files' own `x-…` fields. */
  readonly extensions: Table<unknown>;
  /** Where all that was written; for messages. */
  readonly tree: Node;
}

/** Where a value stands, or the nearest value around it: `["services", "web", "image"]`. */
export function placeOf(tree: Node, path: readonly (string | number)[]): Place {
  let node = tree;
  let at = tree.at;
  for (const step of path) {
    if (typeof step === "number") {
      const item = node.kind === "sequence" ? node.items[step] : undefined;
      if (item === undefined) return at;
      node = item;
      at = item.at;
    } else {
      const entry = node.kind === "mapping" ? node.entries.get(step) : undefined;
      if (entry === undefined) return at;
      node = entry.value;
      at = entry.at;
    }
  }
  return at;
}
