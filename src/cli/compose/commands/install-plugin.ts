import { lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { bool } from "../../flags.ts";
import { NO_ARGUMENTS } from "../../spec.ts";
import { PLUGIN_NAME } from "../plugin.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Let docker compose run berth's compose",
  description:
    "Let `docker compose` of Docker's client run berth's compose: a link docker-compose to this program in the folder cli-plugins of the client's configuration. With that folder in the PATH, `docker-compose` does, too.",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    force: bool("Take the place of another plugin", { short: "f" }),
    remove: bool("Take the link away again"),
  },
  async run({ cli, session, flags }) {
    // Run from source, the interpreter would be linked.
    if (!Bun.main.startsWith("/$bunfs/")) throw new Error("only the built program can be a plugin");
    const folder = join(cli.configDirectory, "cli-plugins");
    const path = join(folder, PLUGIN_NAME);
    const isOwn = linkTarget(path) === process.execPath;
    if (flags.remove) {
      if (!isOwn) throw new Error(`${path} is no link to ${process.execPath}: nothing was removed`);
      if (!session.dryRun) rmSync(path);
      cli.line(`Removed ${path}`);
      return;
    }
    if (exists(path) && !isOwn && !flags.force) {
      throw new Error(`${path} is there and is another program: --force puts berth in its place`);
    }
    if (!session.dryRun) {
      mkdirSync(folder, { recursive: true });
      // In one step, so that `docker compose` finds one or the other at any time.
      const fresh = `${path}.${process.pid}`;
      symlinkSync(process.execPath, fresh);
      renameSync(fresh, path);
    }
    cli.line(`Installed ${path}: docker compose now runs ${process.execPath}`);
  },
});

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? readlinkSync(path)
    : undefined;
}
