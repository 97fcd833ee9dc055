import { assertsDirectory, renamer, splitEntry } from "./paths.ts";

/** What is copied. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
  /** The name it shall have, where a link was followed. */
  readonly rename: string | undefined;
}

/** Where it goes. */
export interface CopyTarget {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** The folder into which an archive is unpacked, and the names its entries get. */
export interface Placement {
  readonly directory: string;
  readonly name: (name: string) => string;
}

/** Decides as `cp` does. @throws with Docker's words where the two do not fit. */
export function placeCopy(source: CopySource, target: CopyTarget): Placement {
  if (target.exists && target.isDirectory) return { directory: target.path, name: (name) => name };
  if (target.exists && source.isDirectory) throw new Error("cannot copy directory");
  if (!target.exists && !source.isDirectory && assertsDirectory(target.path))
    throw new Error("no such directory");
  const { directory, name: wanted } = splitEntry(target.path);
  const present = source.rename ?? splitEntry(source.path).name;
  return { directory, name: renamer(present, wanted) };
}
