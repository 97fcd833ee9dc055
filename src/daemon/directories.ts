import { chmodSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict } from "../lib/index.ts";
import { flock } from "../linux/index.ts";

/** Only root enters; the data root itself may be searched by root's group, as Docker's may. */
const DATA_ROOT_MODE = 0o710;
const INNER_MODE = 0o700;

export interface Directories extends Disposable {
  readonly data: string;
  readonly exec: string;
}

/**
 * Makes the folders of state with their modes, whatever the umask and whatever they were, and holds the data root
 * for this daemon alone until disposed.
 * @throws Conflict where another daemon has it
 */
export function openDirectories(dataRoot: string, execRoot: string): Directories {
  mkdirSync(dataRoot, { recursive: true });
  chmodSync(dataRoot, DATA_ROOT_MODE);
  const lock = lockDataRoot(dataRoot);
  const inner = ["blobs", "containers", "snapshots", "volumes", "trash", "tmp"].map((name) =>
    join(dataRoot, name),
  );
  for (const path of [...inner, execRoot, join(execRoot, "containers"), join(execRoot, "exits")]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, INNER_MODE);
  }
  return {
    data: dataRoot,
    exec: execRoot,
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

function lockDataRoot(dataRoot: string): Disposable {
  try {
    return flock(join(dataRoot, "lock"));
  } catch (error) {
    throw conflict(
      `another daemon is using the data root ${dataRoot}; give this one a --data-root of its own`,
      error,
    );
  }
}

/** Writes the process id, atomically; disposing of it takes the file away. */
export function writePidfile(path: string): Disposable {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${process.pid}\n`, { mode: 0o644 });
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return {
    [Symbol.dispose]() {
      try {
        unlinkSync(path);
      } catch {
        // Somebody was faster.
      }
    },
  };
}
