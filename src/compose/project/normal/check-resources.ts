import type { Problem } from "../problem.ts";
import type { Table } from "../project.ts";
import { placeOf } from "../project.ts";
import type { Node } from "../yaml/node.ts";

interface FileObject {
  readonly file?: string;
  readonly environment?: string;
  readonly content?: string;
  readonly driver?: string;
  readonly external?: boolean;
}

/** Secrets and configs have exactly one source; what is external has no attributes of ours. */
export function checkResources(
  draft: {
    readonly volumes: Table<object | null>;
    readonly secrets: Table<FileObject>;
    readonly configs: Table<FileObject>;
  },
  tree: Node,
): Problem[] {
  const problems: Problem[] = [];
  const note = (path: readonly string[], message: string) =>
    problems.push({ path: path.join("."), message, at: placeOf(tree, path) });

  for (const [name, volume] of Object.entries(draft.volumes)) {
    if ((volume as { external?: boolean } | null)?.external !== true) continue;
    const other = Object.keys(volume!).find(
      (key) => !["name", "external"].includes(key) && !key.startsWith("x-"),
    );
    if (other !== undefined) {
      note(["volumes", name], `conflicting parameters "external" and "${other}" specified`);
    }
  }
  const checkSources = (section: "secrets" | "configs", sources: readonly (keyof FileObject)[]) => {
    for (const [name, object] of Object.entries(draft[section])) {
      // The content of a variable was filled in while loading.
      const written = (source: keyof FileObject) => source !== "content" || object.environment === undefined;
      const given = sources.filter((source) => object[source] !== undefined && written(source));
      if (given.length > 1) note([section, name], `${sources.join("|")} attributes are mutually exclusive`);
      if (given.length === 0 && object.driver === undefined && object.external === undefined) {
        note([section, name], `one of ${sources.join("|")} must be set`);
      }
    }
  };
  checkSources("secrets", ["file", "environment"]);
  checkSources("configs", ["file", "environment", "content"]);
  return problems;
}
