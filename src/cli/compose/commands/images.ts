import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { humanDuration, humanSize } from "../../text/units.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "List the images that containers were made from",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    format: string("How to print: table, json or yaml", {
      initial: "table",
      complete: ["table", "json", "yaml"],
    }),
    quiet: bool("Only print ids", { short: "q" }),
  },
  async run({ cli, session, args, flags }) {
    const project = await session.projectName();
    const { observe } = await compose();
    const images = await observe.images(await session.engine(), project, args);
    if (flags.quiet) {
      const ids = new Set(images.map(({ id }) => id.slice(id.indexOf(":") + 1)));
      cli.print([...ids].map((id) => `${id}\n`).join(""));
      return;
    }
    const { printRows } = await import("../lists/rows.ts");
    const rows = images.map(({ container, repository, tag, platform, id, sizeBytes, created }) => ({
      container,
      repository: repository || "<none>",
      tag: tag || "<none>",
      platform,
      id: id.slice(id.indexOf(":") + 1).slice(0, 12),
      size: humanSize(sizeBytes, 3),
      created:
        created === undefined ? "N/A" : `${humanDuration((Date.now() - Date.parse(created)) / 1000)} ago`,
    }));
    const json = images.map((image) => ({
      ID: image.id,
      ContainerName: image.container,
      Repository: image.repository,
      Tag: image.tag,
      Platform: image.platform,
      Size: image.sizeBytes,
      Created: image.created,
      LastTagTime: image.lastTagged,
    }));
    const titles = {
      CONTAINER: "container",
      REPOSITORY: "repository",
      TAG: "tag",
      PLATFORM: "platform",
      "IMAGE ID": "id",
      SIZE: "size",
      CREATED: "created",
    } as const;
    await printRows(cli, flags.format, titles, rows, json);
  },
});
