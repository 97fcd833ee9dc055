import { string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";
import { saveStream } from "../terminal/save-stream.ts";

export const command = defineCommand({
  summary: "Write a container's files as a tar archive",
  usage: "[OPTIONS] CONTAINER",
  arity: exactly(1),
  complete: "all-containers",
  flags: { output: string("File to write instead of stdout", { short: "o", complete: "files" }) },
  async run({ cli, args, flags }) {
    await saveStream(flags.output, "failed to export container", async () =>
      (await cli.engine()).containers.export(args[0]!),
    );
  },
});
