import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeProgram } from "./runtime-command.ts";

/**
 * The runtime for one exec, with copies of what it reads of its notes. A process on its way into a container may still have some of
 * it open when others in there can reach for its descriptors already (those that may trace can at any time): what they open for
 * writing then is a copy that nobody reads again, and not the seccomp filter of the next exec.
 * @param directory the exec's own, which goes with it
 */
export function withOwnNotes(program: RuntimeProgram, id: string, directory: string): RuntimeProgram {
  const { execNotes } = program.dialect;
  if (execNotes === undefined) return program;
  const root = join(directory, "notes");
  mkdirSync(join(root, id), { recursive: true, mode: 0o700 });
  for (const name of execNotes) {
    const original = join(program.root, id, name);
    if (existsSync(original)) copyFileSync(original, join(root, id, name));
  }
  return { ...program, root };
}
