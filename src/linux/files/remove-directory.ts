import { basename, dirname } from "node:path";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../constants.ts";
import { ENOENT, isErrno } from "../errors.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import { DirHandle } from "./dir-handle.ts";
import { removeTreeAtOnce } from "./remove-tree.ts";

/**
 * Removes a small directory of the engine's own with all that is in it, at once; nothing happens where it is not there.
 * In place of `rmSync`, which ends without an error and with the directory still there where somebody else takes one of
 * the files away meanwhile, as monitors do with theirs.
 * @throws LinuxError EXDEV where something is mounted inside, ENOTEMPTY where somebody keeps filling it
 */
export function removeDirectory(path: string): void {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const above = dirname(path);
  let parent: DirHandle;
  try {
    parent = new DirHandle(check("open", libc.openat(AT_FDCWD, cString(above), flags, 0), above));
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    throw error;
  }
  try {
    removeTreeAtOnce(parent, basename(path));
  } finally {
    parent.close();
  }
}
