import { bool, list } from "../flags.ts";
import { checkLabel } from "../options/checks.ts";
import { between, defineCommand } from "../spec.ts";
import { checkReadable, fileChunks } from "../terminal/file-chunks.ts";
import { standardInput } from "../terminal/stdin.ts";
import { isTerminal } from "../terminal/tty.ts";

export const command = defineCommand({
  summary: "Fill a volume from a tar archive",
  usage: "[OPTIONS] VOLUME [FILE|-]",
  arity: between(1, 2),
  complete: "volumes",
  flags: {
    label: list("Label of the volume, where there is none yet", { check: checkLabel }),
    overwrite: bool("Unpack over the files that the volume has"),
  },
  async run({ cli, args, flags }) {
    const [name = "", source = "-"] = args;
    if (source === "-" && isTerminal(0)) {
      throw new Error("requested import from stdin, but stdin is empty");
    }
    if (source !== "-") await checkReadable(source);
    const archive = source === "-" ? standardInput() : fileChunks(source);
    const { volumes } = await cli.engine();
    const { Name } = await volumes.import(name, archive, { overwrite: flags.overwrite, labels: flags.label });
    cli.line(Name);
  },
});
