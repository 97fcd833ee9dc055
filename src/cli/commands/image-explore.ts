import type { ImageFile } from "../../wire/index.ts";
import { string } from "../flags.ts";
import { imageFileLine } from "../show/image-file.ts";
import { between, defineCommand } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

const BATCH = 500;

export const command = defineCommand({
  summary: "List the files of an image, or of one of its layers",
  description: `List the files of an image, or of one of its layers

The image's are listed as a container would see them. LAYER is a layer's number
from the bottom, which 'image tree' shows, or the beginning of its digest. What
a layer takes away from the layers below it is listed as deleted.`,
  usage: "[OPTIONS] IMAGE [LAYER]",
  arity: between(1, 2),
  complete: "images",
  flags: { format: string("How to print: 'json' for a line of JSON each, or 'yaml'") },
  async run({ cli, args, flags }) {
    if (!["", "json", "yaml"].includes(flags.format))
      throw new Error(`unsupported format ${JSON.stringify(flags.format)}: there are 'json' and 'yaml'`);
    const { imageVersions } = await cli.engine();
    const line = await renderer(flags.format);
    let lines: string[] = [];
    for await (const file of await imageVersions.files(args[0]!, args[1] ?? "all")) {
      lines.push(line(file));
      if (lines.length < BATCH) continue;
      cli.print(lines.join(""));
      lines = [];
    }
    cli.print(lines.join(""));
  },
});

async function renderer(format: string): Promise<(file: ImageFile) => string> {
  if (format === "") return (file) => `${imageFileLine(file)}\n`;
  if (format === "json") return (file) => `${shownOn(1, JSON.stringify(file))}\n`;
  const { loadYaml } = await import("../show/yaml.ts");
  const yaml = await loadYaml();
  // One list, though it is printed in parts.
  return (file) => shownOn(1, yaml(JSON.stringify([file])));
}
