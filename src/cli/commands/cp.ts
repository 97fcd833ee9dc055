import type { PathStat } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { CopyCounter } from "../copy/counter.ts";
import { absolute, localSource, localTarget } from "../copy/local.ts";
import { packLocal } from "../copy/pack.ts";
import { clean, followedName, renamer, splitCopyArgument, splitEntry } from "../copy/paths.ts";
import { type CopyTarget, placeCopy } from "../copy/placement.ts";
import { unpackLocal } from "../copy/unpack.ts";
import { bool } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";
import { writeChunks } from "../terminal/sink.ts";
import { standardInput } from "../terminal/stdin.ts";
import { isTerminal } from "../terminal/tty.ts";
import { humanSize } from "../text/units.ts";

/** Go's `os.FileMode` bits, which the engine reports. */
const GO_DIRECTORY = 2 ** 31;
const GO_SYMLINK = 2 ** 27;
const GO_DEVICE = 2 ** 26;
const GO_IRREGULAR = 2 ** 19;

export const command = defineCommand({
  summary: "Copy files between a container and this host",
  description:
    "Copy files between a container and this host\n\n" +
    "'-' as the source reads a tar archive from stdin and unpacks it in a folder of\n" +
    "the container; '-' as the destination writes the source as a tar to stdout.",
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tberth cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  arity: exactly(2),
  complete: "files",
  flags: {
    archive: bool("Keep owners", { short: "a" }),
    "follow-link": bool("Follow a link that is the source", { short: "L" }),
    quiet: bool("Show no progress", { short: "q" }),
  },
  async run({ cli, args, flags, changed }) {
    const [from = "", to = ""] = args;
    if (from === "") throw new Error("source can not be empty");
    if (to === "") throw new Error("destination can not be empty");
    const options = {
      followLink: flags["follow-link"],
      copyOwner: flags.archive,
      quiet: changed("quiet") ? flags.quiet : !isTerminal(1),
    };
    const [source, target] = [splitCopyArgument(from), splitCopyArgument(to)];
    if (source.container !== "" && target.container !== "") {
      throw new Error("copying between containers is not supported");
    }
    if (source.container !== "") return copyOut(cli, source.container, source.path, target.path, options);
    if (target.container !== "") return copyIn(cli, source.path, target.container, target.path, options);
    throw new Error("must specify at least one container source");
  },
});

interface CopyOptions {
  readonly followLink: boolean;
  readonly copyOwner: boolean;
  readonly quiet: boolean;
}

async function copyOut(
  cli: Cli,
  container: string,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<void> {
  const { archives } = (await cli.engine()).containers;
  const target = to === "-" ? "-" : absolute(to);
  const { path, rename } = options.followLink
    ? await followInContainer(cli, container, from)
    : { path: from, rename: undefined };
  const { stat, tar } = await archives.get(container, path);
  if (target === "-") {
    if (isTerminal(1)) throw new Error("refusing to write an archive to a terminal: redirect the output");
    return writeChunks(1, tar);
  }
  const isDirectory = hasBit(stat.mode, GO_DIRECTORY);
  const placement = placeCopy({ path, isDirectory, rename }, localTarget(target));
  // The engine names the entries after what it found; a followed link's name is given back first.
  const own = rename === undefined ? (entry: string) => entry : renamer(splitEntry(path).name, rename);
  const name = (entry: string) => placement.name(own(entry));
  const amount = await counted(cli, "Copying from container", options, (counter) =>
    unpackLocal(counter.count(tar), { directory: placement.directory, name }),
  );
  if (!options.quiet) cli.note(`Successfully copied ${humanSize(amount, 3)} to ${target}`);
}

async function copyIn(
  cli: Cli,
  from: string,
  container: string,
  to: string,
  options: CopyOptions,
): Promise<void> {
  const { archives } = (await cli.engine()).containers;
  const target = await targetInContainer(cli, container, to);
  if (from === "-") {
    if (!target.isDirectory) throw new Error(`destination "${container}:${to}" must be a directory`);
    return archives.put(container, target.path, standardInput(), {
      noOverwriteDirNonDir: true,
      copyOwner: options.copyOwner,
    });
  }
  const source = localSource(absolute(from), options.followLink);
  const placement = placeCopy(source, target);
  const own =
    source.rename === undefined
      ? (name: string) => name
      : renamer(splitEntry(source.path).name, source.rename);
  const amount = await counted(cli, "Copying to container", options, (counter) => {
    const tar = counter.count(packLocal(source.path, { rename: (name) => placement.name(own(name)) }));
    return archives.put(container, placement.directory, tar, {
      noOverwriteDirNonDir: true,
      copyOwner: options.copyOwner,
    });
  });
  if (!options.quiet) cli.note(`Successfully copied ${humanSize(amount, 3)} to ${container}:${target.path}`);
}

async function counted(
  cli: Cli,
  title: string,
  options: CopyOptions,
  copy: (counter: CopyCounter) => Promise<void>,
): Promise<number> {
  using counter = new CopyCounter(cli, title, !options.quiet && isTerminal(2));
  await copy(counter);
  return counter.bytes;
}

/** The source with its last link followed. */
async function followInContainer(
  cli: Cli,
  container: string,
  path: string,
): Promise<{ path: string; rename: string | undefined }> {
  const stat = await statInContainer(cli, container, path);
  if (stat === undefined || !hasBit(stat.mode, GO_SYMLINK)) return { path, rename: undefined };
  return followedName(path, linkTarget(path, stat));
}

/** What stands at a path of the container; a link that is the last part is followed. */
async function targetInContainer(cli: Cli, container: string, path: string): Promise<CopyTarget> {
  const first = await statInContainer(cli, container, path);
  const isLink = first !== undefined && hasBit(first.mode, GO_SYMLINK);
  const target = isLink ? linkTarget(path, first) : path;
  const stat = isLink ? await statInContainer(cli, container, target) : first;
  const special = stat === undefined ? undefined : specialKind(stat.mode);
  if (special !== undefined) {
    throw new Error(`destination "${container}:${path}" must be a directory or a regular file: ${special}`);
  }
  return {
    path: target,
    exists: stat !== undefined,
    isDirectory: stat !== undefined && hasBit(stat.mode, GO_DIRECTORY),
  };
}

/** Undefined where there is nothing; a missing container shows when the archive is sent. */
async function statInContainer(cli: Cli, container: string, path: string): Promise<PathStat | undefined> {
  try {
    return await (await cli.engine()).containers.archives.stat(container, path);
  } catch (error) {
    cli.debug(`stat ${container}:${path}: ${(error as Error).message}`);
    return undefined;
  }
}

function linkTarget(path: string, stat: PathStat): string {
  return stat.linkTarget.startsWith("/")
    ? stat.linkTarget
    : clean(`${splitEntry(path).directory}/${stat.linkTarget}`);
}

function specialKind(mode: number): string | undefined {
  if (hasBit(mode, GO_DEVICE)) return "got a device";
  return hasBit(mode, GO_IRREGULAR) ? "got an irregular file" : undefined;
}

function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
