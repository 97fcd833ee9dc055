import { bool, string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";
import { saveStream } from "../terminal/save-stream.ts";

export const command = defineCommand({
  summary: "Write a volume's files as a tar archive",
  usage: "[OPTIONS] VOLUME",
  arity: exactly(1),
  complete: "volumes",
  flags: {
    output: string("File to write instead of stdout", { short: "o", complete: "files" }),
    pause: bool("Let the containers that use the volume stand still meanwhile", {
      short: "p",
      initial: true,
    }),
  },
  async run({ cli, args, flags }) {
    await saveStream(flags.output, "failed to export volume", async () =>
      (await cli.engine()).volumes.export(args[0]!, { pause: flags.pause }),
    );
  },
});
