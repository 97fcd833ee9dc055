import { authForImage } from "../actions/credentials.ts";
import { pullImage } from "../actions/pull-image.ts";
import type { Cli } from "../cli.ts";
import { bool, string } from "../flags.ts";
import { checkContentTrust } from "../options/content-trust.ts";
import { showProgress } from "../show/progress.ts";
import { defineCommand, exactly } from "../spec.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { familiarName, familiarReference, parseReference, withDefaultTag } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Download an image from a registry",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  arity: exactly(1),
  complete: "images",
  flags: {
    "all-tags": bool("Download all tags of the repository", { short: "a" }),
    "disable-content-trust": bool("Do not verify the image's signature", { initial: true }),
    platform: string("Platform of the image (os[/arch[/variant]])"),
    quiet: bool("Only print the image's name", { short: "q" }),
  },
  async run({ cli, args, flags }) {
    checkContentTrust(flags);
    const [name = ""] = args;
    const reference = parseReference(name);
    const hasTag = reference.tag !== undefined || reference.digest !== undefined;
    if (flags["all-tags"] && hasTag) throw new Error("tag can't be used with --all-tags/-a");
    if (!flags["all-tags"] && !hasTag && !flags.quiet) cli.line("Using default tag: latest");
    const platform = flags.platform || (cli.env["DOCKER_DEFAULT_PLATFORM"] ?? "");
    if (flags["all-tags"]) await pullAllTags(cli, name, platform, flags.quiet);
    else await pullImage(cli, name, { platform, quiet: flags.quiet, to: "stdout" });
    const tagged = flags["all-tags"] ? reference : withDefaultTag(reference);
    cli.line(`${tagged.domain}/${tagged.path}${suffix(tagged)}`);
  },
});

function suffix({ tag, digest }: { tag: string | undefined; digest: string | undefined }): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/** Without a tag the engine downloads all. */
async function pullAllTags(cli: Cli, name: string, platform: string, quiet: boolean): Promise<void> {
  const reference = parseReference(name);
  const auth = await authForImage(cli, familiarReference(reference));
  const progress = await (await cli.engine()).images.pull(
    { fromImage: familiarName(reference), platform },
    auth,
  );
  const print = quiet ? () => {} : cli.output.print;
  await showProgress(progress, { print, isTerminal: isTerminal(1), columns: terminalSize().columns || 80 });
}
