import { open } from "node:fs/promises";
import { DEFAULT_CONTEXT } from "../../sdk/index.ts";
import { packContext } from "../contexts/archive.ts";
import { wholeContext } from "../contexts/current.ts";
import { ContextStore, checkContextName } from "../contexts/store.ts";
import { between, defineCommand } from "../spec.ts";
import { Sink } from "../terminal/sink.ts";
import { isTerminal } from "../terminal/tty.ts";

export const command = defineCommand({
  summary: "Write a context as a tar archive, to a file or (-) to stdout",
  usage: "CONTEXT [FILE|-]",
  arity: between(1, 2),
  complete: "contexts",
  flags: {},
  async run({ cli, args }) {
    const [name = "", target = `${name}.dockercontext`] = args;
    if (name !== DEFAULT_CONTEXT) checkContextName(name);
    const context = await wholeContext(cli, new ContextStore(cli.configDirectory), name);
    const archive = Buffer.concat([...packContext(context)]);
    if (target === "-") {
      if (isTerminal(1)) throw new Error("cowardly refusing to export to a terminal, specify a file path");
      const output = new Sink(1);
      await output.write(archive);
      return output.flush();
    }
    // There are keys in it; what is there already is nobody's to overwrite.
    const file = await open(target, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "EEXIST" ? new Error(`open ${target}: file exists`) : error;
    });
    try {
      await file.writeFile(archive);
    } finally {
      await file.close();
    }
    cli.note(`Written file ${JSON.stringify(target)}`);
  },
});
