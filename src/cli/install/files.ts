import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { humanSize } from "../text/units.ts";
import { at, hashOf, type Machine } from "./machine.ts";

/** A file to be there. */
export interface WantedFile {
  readonly path: string;
  readonly mode: number;
  /** Its text, or the file to copy. */
  readonly content: { readonly text: string } | { readonly copyOf: string };
}

/** SHA-256 of what a file shall hold. */
export async function wantedHash({ content }: WantedFile): Promise<string> {
  if ("text" in content) return new Bun.CryptoHasher("sha256").update(content.text).digest("hex");
  const hash = await hashOf(content.copyOf);
  if (hash === undefined) throw new Error(`${content.copyOf} is not there any more`);
  return hash;
}

/** Writes a file beside its place and puts it there: whoever runs or reads the old one goes on with it. */
export function writeFile(machine: Machine, { path, mode, content }: WantedFile): void {
  if (machine.dryRun) {
    tell(machine, { path, mode, content });
    return;
  }
  const target = at(machine, path);
  const temporary = `${target}.berth-new`;
  try {
    if ("text" in content) writeFileSync(temporary, content.text);
    else copyFileSync(content.copyOf, temporary);
    chmodSync(temporary, mode);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  machine.say(`wrote ${target}`);
}

function tell(machine: Machine, { path, mode, content }: WantedFile): void {
  const what = `would write ${at(machine, path)}, mode ${mode.toString(8).padStart(4, "0")}`;
  if ("copyOf" in content) {
    machine.say(`${what}: a copy of ${content.copyOf} (${humanSize(statSync(content.copyOf).size)})`);
  } else {
    machine.say(`${what}:`);
    for (const line of content.text.trimEnd().split("\n")) machine.say(line === "" ? "" : `    ${line}`);
  }
}

/** Makes the folders above a file. @returns those that were not there, outermost first */
export function makeFolders(machine: Machine, path: string): string[] {
  const missing: string[] = [];
  for (let folder = dirname(path); !existsSync(at(machine, folder)); folder = dirname(folder)) {
    missing.unshift(folder);
  }
  if (missing.length > 0 && !machine.dryRun)
    mkdirSync(at(machine, missing.at(-1)!), { recursive: true, mode: 0o755 });
  return missing;
}

/** Whether something is at a path, be it a link that leads nowhere. */
export function isTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

export function removeFile(machine: Machine, path: string): void {
  if (!machine.dryRun) unlinkSync(at(machine, path));
  machine.say(`${machine.dryRun ? "would remove" : "removed"} ${at(machine, path)}`);
}

/** Folders that others have put something into stay. */
export function removeFolder(machine: Machine, path: string): void {
  if (machine.dryRun) return;
  try {
    rmdirSync(at(machine, path));
  } catch {
    // It holds something, or is gone.
  }
}
