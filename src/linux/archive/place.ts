import { type EngineError, invalidParameter } from "../../lib/index.ts";
import { showPath } from "../libc.ts";

/** Where an archive's entry goes. */
export interface Placement {
  /** Names of the directories down to the entry, cleaned: `a/b`; empty for the top. */
  readonly directory: string;
  readonly name: string;
}

/**
 * An archive's name as directory and last component, without `.`, empty parts and leading slashes; undefined for
 * the archive's top. `..` goes back up as far as the top, as in Docker, and no further.
 * @throws InvalidParameter where the name leads above the top.
 */
export function placeOf(archiveName: string): Placement | undefined {
  const start = archiveName.startsWith("./") ? 2 : 0;
  const end = archiveName.endsWith("/") ? archiveName.length - 1 : archiveName.length;
  const path = archiveName.slice(start, end);
  // Most names are clean as they come, but for these two.
  if (path === "" || /^[./]|\/[./]/.test(path)) return cleanedPlace(archiveName);
  const slash = path.lastIndexOf("/");
  return { directory: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function cleanedPlace(archiveName: string): Placement | undefined {
  const parts: string[] = [];
  for (const part of archiveName.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw breakout(archiveName);
  }
  const name = parts.pop();
  return name === undefined ? undefined : { directory: parts.join("/"), name };
}

function breakout(archiveName: string): EngineError {
  return invalidParameter(`${showPath(archiveName)} is outside of the archive's root`);
}
