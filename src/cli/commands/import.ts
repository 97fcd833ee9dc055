import { list, string } from "../flags.ts";
import { showProgress } from "../show/progress.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { offeredFile } from "../terminal/file-chunks.ts";
import { standardInput } from "../terminal/stdin.ts";
import { isTerminal } from "../terminal/tty.ts";
import { familiarName, parseReference } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Make an image of a root file system's tar archive",
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  arity: atLeast(1),
  complete: "files",
  flags: {
    change: list("Dockerfile instruction to apply to the image", { short: "c" }),
    message: string("Message to keep in the image's history", { short: "m" }),
    platform: string("Platform of the image (os[/arch[/variant]])"),
  },
  async run({ cli, args, flags }) {
    const [source = "", name = ""] = args;
    const { change: changes, message, platform } = flags;
    const isUrl = /^(https?|git):\/\//.test(source) || source.startsWith("github.com/");
    const archive = isUrl ? undefined : source === "-" ? standardInput() : await offeredFile(source);
    const { images } = await cli.engine();
    const options = { ...targetOf(name), changes, message, platform, ...(isUrl && { fromSrc: source }) };
    const progress = await images.import(options, archive);
    await showProgress(progress, { print: cli.output.print, isTerminal: isTerminal(1) });
  },
});

function targetOf(name: string): { repo?: string; tag?: string } {
  if (name === "") return {};
  const reference = parseReference(name);
  return { repo: familiarName(reference), ...(reference.tag !== undefined && { tag: reference.tag }) };
}
