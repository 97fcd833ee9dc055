import { string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Write the files of a service's container as a tar archive",
  usage: "[OPTIONS] SERVICE",
  arity: atLeast(1),
  flags: {
    ...INDEX_FLAG,
    output: string("File to write instead of stdout", { short: "o", complete: "files" }),
  },
  async run({ session, args: [service = ""], flags }) {
    const project = await session.projectOnEngine();
    const { exportFiles } = await compose();
    const { saveStream } = await import("../../terminal/save-stream.ts");
    await session.work(project, { title: "export" }, async (app) => {
      const { index } = flags;
      if (app.dryRun) for await (const _ of exportFiles(app, service, { index }));
      else
        await saveStream(flags.output, "failed to export container", async () =>
          exportFiles(app, service, { index }),
        );
    });
  },
});
