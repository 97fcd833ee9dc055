import { existsSync, readFileSync } from "node:fs";
import { at, type Machine } from "./machine.ts";
import type { Places } from "./places.ts";

/** What an installation has written, so that it can be taken back: no more, and no less. */
export interface Manifest {
  readonly version: string;
  /** SHA-256 in hexadecimal by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders that were not there before, outermost first. */
  readonly folders: readonly string[];
  /** A group that was not there before. */
  readonly group?: string;
  /** Units that were enabled. */
  readonly units: readonly string[];
}

export const NOTHING: Manifest = { version: "", files: {}, folders: [], units: [] };

/** @returns undefined where nothing was installed with this prefix. @throws where the file is not what was written */
export function readManifest(machine: Machine, places: Places): Manifest | undefined {
  const path = at(machine, places.manifest);
  if (!existsSync(path)) return undefined;
  const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isManifest(parsed)) throw new Error(`${path} is not what berth install has written`);
  return parsed;
}

/** Everything that is later removed is checked: nobody shall have berth remove a file by this one. */
function isManifest(value: unknown): value is Manifest {
  const { version, files, folders, group, units } = (value ?? {}) as Partial<Record<keyof Manifest, unknown>>;
  const isText = (each: unknown) => typeof each === "string";
  return (
    isText(version) &&
    typeof files === "object" &&
    files !== null &&
    Object.entries(files).every(([path, hash]) => isPlainPath(path) && isText(hash)) &&
    Array.isArray(folders) &&
    folders.every((folder) => isText(folder) && isPlainPath(folder as string)) &&
    (group === undefined || group === "berth") &&
    Array.isArray(units) &&
    units.every((unit) => unit === "berth.socket" || unit === "berth.service")
  );
}

function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !path.split("/").includes("..") && !path.includes("\0");
}
