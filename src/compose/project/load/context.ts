import { readFileSync, statSync } from "node:fs";
import { notFound } from "../../../lib/index.ts";
import type { Lookup } from "../env/template.ts";
import { Source } from "../yaml/source.ts";

/** What loading needs from outside, so that it can be tried without a machine around it. */
export interface Files {
  /** The text of a file. @throws NotFound; whatever else reading a file throws. */
  read(path: string): string;
  /** Whether something that is no directory stands there. */
  has(path: string): boolean;
  /** The whole of standard input. */
  readStdin(): string;
}

/** The files of this machine. */
export const MACHINE_FILES: Files = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") {
        throw notFound(`open ${path}: no such file or directory`, error);
      }
      throw error;
    }
  },
  has: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false,
  readStdin: () => readFileSync(0, "utf8"),
};

export type Variables = ReadonlyMap<string, string>;

/** What is the same for every file of one load. */
export interface Load {
  readonly files: Files;
  readonly interpolate: boolean;
  readonly resolvePaths: boolean;
  /** Hears, once each, what a person should know and what is no error. */
  readonly warn: (message: string) => void;
  /** Names of files being read, the outermost first: what is included or extended again has no end. */
  readonly sources: Map<string, Source>;
}

/** Where a file's variables come from, and what its relative paths start from. */
export interface Surroundings {
  readonly variables: Variables;
  readonly directory: string;
}

export const lookupIn =
  (variables: Variables): Lookup =>
  (name) =>
    variables.get(name);

/** A file's text, read once per load. */
export function sourceOf(load: Load, path: string): Source {
  let source = load.sources.get(path);
  if (source === undefined) {
    source =
      path === "-" ? new Source("stdin", load.files.readStdin()) : new Source(path, load.files.read(path));
    load.sources.set(path, source);
  }
  return source;
}
