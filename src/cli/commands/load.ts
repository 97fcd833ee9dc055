import { bool, string } from "../flags.ts";
import { showProgress } from "../show/progress.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { offeredFile } from "../terminal/file-chunks.ts";
import { standardInput } from "../terminal/stdin.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { platformJson } from "../text/platform.ts";

export const command = defineCommand({
  summary: "Take in images that save has written",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    input: string("File to read instead of stdin", { short: "i", complete: "files" }),
    platform: string('Take in only this variant: "os[/arch[/variant]]"'),
    quiet: bool("Show no progress", { short: "q" }),
  },
  async run({ cli, flags }) {
    const platforms = flags.platform === "" ? {} : { platforms: [platformJson(flags.platform)] };
    if (flags.input === "" && isTerminal(0)) throw new Error("requested load from stdin, but stdin is empty");
    const archive = flags.input === "" ? standardInput() : await offeredFile(flags.input);
    const onTerminal = isTerminal(1);
    const { images } = await cli.engine();
    const progress = await images.load(archive, { quiet: flags.quiet || !onTerminal, ...platforms });
    const columns = terminalSize().columns || 80;
    await showProgress(progress, { print: cli.output.print, isTerminal: onTerminal, columns });
  },
});
