import { resolve } from "node:path";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { type Machine, thisMachine } from "./machine.ts";

/** Of both commands. */
export const PLACE_FLAGS = {
  "dry-run": bool("Only tell what would be done"),
  prefix: string("Where the program and its completion are", { initial: "/usr/local", complete: "files" }),
  root: string("Work on the tree of another machine in this folder", { complete: "files" }),
};

/** @throws ExitError for what is no place, and for those who may not change this machine */
export function machineOf(
  cli: Cli,
  flags: { readonly "dry-run": boolean; readonly prefix: string; readonly root: string },
): Machine {
  if (!/^\/[\w./+-]+$/.test(flags.prefix) || flags.prefix.split("/").includes(".."))
    throw new ExitError(1, `invalid value for "prefix": ${JSON.stringify(flags.prefix)} is no absolute path`);
  const dryRun = flags["dry-run"];
  const root = flags.root === "" ? "" : resolve(flags.root).replace(/\/+$/, "");
  if (root === "" && !dryRun && process.geteuid?.() !== 0)
    throw new ExitError(1, "only root may change what is installed: use sudo, or look at it with --dry-run");
  return thisMachine({ root, dryRun, say: (line) => cli.line(line) });
}
