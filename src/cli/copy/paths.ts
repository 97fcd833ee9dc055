import { posix } from "node:path";

/**
 * Paths of `cp`, in which a trailing slash or `/.` means something: "this is a folder", "what is in it". The
 * rules are those of Docker's `cp`, and much like those of the POSIX command.
 */

/** `container:path`; a local path with a colon is written with a slash or a dot in front. */
export function splitCopyArgument(argument: string): { container: string; path: string } {
  const colon = argument.indexOf(":");
  if (argument.startsWith("/") || argument.startsWith(".") || colon < 0)
    return { container: "", path: argument };
  return { container: argument.slice(0, colon), path: argument.slice(colon + 1) };
}

export const endsWithSlash = (path: string) => path.endsWith("/");
export const endsWithDot = (path: string) => path === "." || path.endsWith("/.");
/** Whether the spelling says that it is a folder. */
export const assertsDirectory = (path: string) => endsWithSlash(path) || endsWithDot(path);

/** The cleaned path, with the trailing slash or `/.` of the original. */
export function keepEnding(cleaned: string, original: string): string {
  let path = cleaned;
  if (!endsWithDot(path) && endsWithDot(original)) path = `${endsWithSlash(path) ? path : `${path}/`}.`;
  if (!endsWithSlash(path) && endsWithSlash(original)) path += "/";
  return path;
}

/** The folder and the name in it; the name is `.` where the path ends with one. */
export function splitEntry(path: string): { directory: string; name: string } {
  const cleaned = clean(path) + (endsWithDot(path) ? "/." : "");
  const slash = cleaned.lastIndexOf("/");
  if (slash < 0) return { directory: ".", name: cleaned };
  return { directory: cleaned.slice(0, slash) || "/", name: cleaned.slice(slash + 1) };
}

/** Without `.`, `..`, double and trailing slashes. */
export function clean(path: string): string {
  const normal = posix.normalize(path === "" ? "." : path);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

/**
 * Where a link was followed, what is copied has the link's name, not the target's.
 * @returns the target with the ending of the path, and the name to give; undefined where they are the same.
 */
export function followedName(path: string, target: string): { path: string; rename: string | undefined } {
  const resolved = keepEnding(target, path);
  const [wanted, actual] = [posix.basename(path), posix.basename(resolved)];
  return { path: resolved, rename: wanted === actual ? undefined : wanted };
}

/** Gives the entries of an archive another first name. An archive of what is in a folder begins with `.`. */
export function renamer(from: string, to: string): (name: string) => string {
  const [before, after] = [from.replace(/\/+$/, ""), to.replace(/\/+$/, "")];
  return (name) => {
    const plain = name.replace(/^(\.?\/)+/, "");
    if (before === "." || before === "")
      return plain === "" || plain === "." ? `${after}/` : `${after}/${plain}`;
    const rest = plain.startsWith(before) ? plain.slice(before.length) : undefined;
    return rest === undefined || (rest !== "" && !rest.startsWith("/")) ? name : after + rest;
  };
}
