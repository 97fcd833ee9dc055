import { ProjectSchema } from "../../model/project.ts";
import { merge } from "../shape/merge.ts";
import type { Mapping } from "../yaml/node.ts";

/** Each document over the ones before it. */
export function mergeDocuments(
  documents: readonly [Mapping, ...Mapping[]] | readonly Mapping[],
  written: boolean,
): Mapping {
  return documents.reduce((base, over) => merge(base, over, ProjectSchema, written) as Mapping);
}
