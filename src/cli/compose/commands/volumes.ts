import { bool, string } from "../../flags.ts";
import { FORMAT_HELP } from "../../show/format-help.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "List volumes",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    format: string(FORMAT_HELP, { initial: "table" }),
    quiet: bool("Only print names", { short: "q" }),
  },
  async run({ cli, session, args, flags }) {
    const { name, project } = await session.find(args);
    const { observe } = await compose();
    if (project !== undefined) observe.checkServices(args, Object.keys(project.services));
    const listed = observe.volumes(await session.engine(), name, args);
    const [{ VOLUME_LIST, volumeFormat }, { printList }] = await Promise.all([
      import("../../lists/volumes.ts"),
      import("../../show/format.ts"),
    ]);
    const format = flags.quiet
      ? "{{.Name}}"
      : volumeFormat(flags.format || "table", { quiet: false, size: false });
    await printList(cli, VOLUME_LIST, format, await listed);
  },
});
