import { accessSync, constants, realpathSync } from "node:fs";
import { join } from "node:path";
import { invalidParameter, SYSTEM_PATH } from "../lib/index.ts";

/** What helpers get instead of the daemon's environment. */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: SYSTEM_PATH.slice(0, 6).join(":"),
  LANG: "C.UTF-8",
};

/**
 * What a runtime written in Go gets: it runs for some milliseconds, in which more than one thread at a time costs more
 * than it brings (20 starts at once: 6 % less, measured). What runs in the container does not see it.
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  ...CLEAN_ENVIRONMENT,
  GOMAXPROCS: "1",
};

/** The absolute path of the first program that is there, links resolved; `undefined` for none. */
export function findProgram(...names: string[]): string | undefined {
  for (const name of names) {
    const candidates = name.startsWith("/") ? [name] : SYSTEM_PATH.map((directory) => join(directory, name));
    for (const path of candidates) {
      try {
        accessSync(path, constants.X_OK);
        return realpathSync(path);
      } catch {
        // Not this one.
      }
    }
  }
  return undefined;
}

/**
 * The program that `--init` runs as the first process: statically linked, since the container has libraries of its own.
 * @throws InvalidParameter where none is installed
 */
export function findInit(configured?: string): string {
  const path = findProgram(...(configured ? [configured] : ["tini-static", "docker-init", "tini"]));
  if (path) return path;
  throw invalidParameter(
    configured
      ? `the init program ${configured} of the daemon's configuration does not exist`
      : "--init needs a program for it on this host: install tini (Debian: apt-get install tini), or docker-init",
  );
}
