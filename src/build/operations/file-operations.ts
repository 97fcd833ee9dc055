import { type FileDigests, type KnownSelections, KnownShapes } from "../contents/index.ts";
import type { Contexts } from "../contexts/index.ts";
import { CopyOperation } from "./copy.ts";
import { merge } from "./merge.ts";
import { mkdir } from "./mkdir.ts";
import { context, file, git, http, image, scratch } from "./sources.ts";

export interface FileOperationsOptions {
  readonly contexts: Pick<Contexts, "fetchHttp" | "fetchGit">;
  /** The daemon's one store of digests: contexts that are opened anew find those of last time. */
  readonly digests: FileDigests;
  /** Undefined: nothing is remembered of layers. */
  readonly known: KnownSelections | undefined;
}

/** All operations that run nothing. */
export function fileOperations({ contexts, digests, known }: FileOperationsOptions) {
  const shapes = new KnownShapes();
  return {
    scratch,
    image,
    context,
    file,
    merge: merge(digests),
    mkdir: mkdir(digests, shapes),
    http: http(contexts, digests),
    git: git(contexts, digests),
    copy: new CopyOperation(digests, known, shapes),
  };
}
