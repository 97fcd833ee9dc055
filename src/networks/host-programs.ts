import { accessSync } from "node:fs";

/** The first of these paths that is there. */
export function firstExisting(paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  });
}
