import { encodeName, invalidParameter } from "../lib/index.ts";
import { showPath } from "./libc.ts";

/**
 * A path or a file's name. Linux names are bytes: a string stands for its UTF-8, with lone surrogates for bytes that
 * are not (`lib/names.ts`), so that each name that was read from a directory leads back to the same file.
 */
export type Path = string | Uint8Array;

const SLASH = 0x2f;

/**
 * NUL-terminated bytes for the C library.
 * @throws InvalidParameter where the path holds a NUL byte and would name another file than it says.
 */
export function cString(path: Path): Uint8Array {
  if (typeof path === "string") {
    if (path.includes("\0")) throw invalidParameter(`invalid path ${showPath(path)}: contains a NUL byte`);
    return path.isWellFormed() ? Buffer.from(`${path}\0`, "utf8") : withNul(encodeName(path));
  }
  if (path.includes(0)) throw invalidParameter(`invalid path ${showPath(path)}: contains a NUL byte`);
  return withNul(path);
}

function withNul(bytes: Uint8Array): Uint8Array {
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** Whether this is one component that can only name an entry of the directory it is looked up in. */
export function isSingleName(name: Path): boolean {
  if (typeof name === "string") return name !== "" && name !== "." && name !== ".." && !name.includes("/");
  const dots = name.length <= 2 && name.every((byte) => byte === 0x2e);
  return name.length > 0 && !dots && !name.includes(SLASH);
}

/**
 * A single component for the *at calls, so that a name from a tar header can neither climb nor descend.
 * @throws InvalidParameter for "", ".", "..", and whatever holds a slash or a NUL byte.
 */
export function singleName(name: Path): Uint8Array {
  if (!isSingleName(name)) throw invalidParameter(`invalid file name ${showPath(name)}`);
  return cString(name);
}

/** A path cut before its last component. `name` is undefined where that is "", "." or "..": the path then is a directory. */
export function splitPath(path: string): { parent: string; name: string | undefined } {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  const start = path.lastIndexOf("/", end - 1) + 1;
  const name = path.slice(start, end);
  if (!isSingleName(name)) return { parent: path, name: undefined };
  return { parent: path.slice(0, start), name };
}
