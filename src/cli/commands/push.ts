import { authForImage } from "../actions/credentials.ts";
import { bool, string } from "../flags.ts";
import { checkContentTrust } from "../options/content-trust.ts";
import { showProgress } from "../show/progress.ts";
import { defineCommand, exactly } from "../spec.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { platformJson } from "../text/platform.ts";
import { familiarName, familiarReference, parseReference, withDefaultTag } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Upload an image to a registry",
  usage: "[OPTIONS] NAME[:TAG]",
  arity: exactly(1),
  complete: "images",
  flags: {
    "all-tags": bool("Upload all tags of the repository", { short: "a" }),
    "disable-content-trust": bool("Do not sign the image", { initial: true }),
    platform: string('Upload only this variant: "os[/arch[/variant]]"'),
    quiet: bool("Only print the image's name", { short: "q" }),
  },
  async run({ cli, args, flags }) {
    checkContentTrust(flags);
    const given = parseReference(args[0]!);
    const allTags = flags["all-tags"];
    if (allTags && (given.tag !== undefined || given.digest !== undefined)) {
      throw new Error("tag can't be used with --all-tags/-a");
    }
    const reference = allTags ? given : withDefaultTag(given);
    if (!allTags && given.tag === undefined && !flags.quiet) cli.line("Using default tag: latest");
    const auth = await authForImage(cli, familiarReference(reference));
    const options = {
      ...(reference.tag !== undefined && { tag: reference.tag }),
      ...(flags.platform !== "" && { platform: platformJson(flags.platform) }),
    };
    const { images } = await cli.engine();
    const progress = await images.push(familiarName(reference), options, auth);
    const print = flags.quiet ? () => {} : cli.output.print;
    await showProgress(progress, { print, isTerminal: isTerminal(1), columns: terminalSize().columns || 80 });
    if (flags.quiet) {
      cli.line(
        `${reference.domain}/${reference.path}${reference.tag === undefined ? "" : `:${reference.tag}`}`,
      );
    }
  },
});
