import { bool, string } from "../flags.ts";
import { LAYERS_TABLE, layerList } from "../lists/image-layers.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { layerForest } from "../show/layer-forest.ts";
import { between, defineCommand } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

export const command = defineCommand({
  summary: "Show images' layers, and which images share them",
  description: `Show images' layers, and which images share them

Of IMAGE each layer is shown, the bottom one first, with its size and the other
images that have it; without IMAGE, all images as a tree that grows where they
part.`,
  usage: "[OPTIONS] [IMAGE]",
  arity: between(0, 1),
  complete: "images",
  flags: {
    all: bool("Without IMAGE: also show images that are only layers of others", { short: "a" }),
    format: string(`With IMAGE. ${FORMAT_HELP}`),
    "no-trunc": bool("Don't shorten what is long"),
  },
  async run({ cli, args, flags }) {
    const { images, imageVersions } = await cli.engine();
    const [name] = args;
    const short = !flags["no-trunc"];
    if (name === undefined) {
      if (flags.format !== "") throw new Error("--format needs an image");
      const listed = await images.list({ all: flags.all });
      const stacks = [];
      for (const { Id } of listed) stacks.push(await imageVersions.layers(Id));
      cli.print(shownOn(1, layerForest(stacks, short)));
      return;
    }
    const layers = await imageVersions.layers(name);
    if (flags.format === "yaml") {
      const { yamlOf } = await import("../show/yaml.ts");
      cli.print(shownOn(1, await yamlOf(JSON.stringify(layers.Layers))));
      return;
    }
    if (flags.format === "json") {
      cli.print(shownOn(1, layers.Layers.map((layer) => `${JSON.stringify(layer)}\n`).join("")));
      return;
    }
    const format = flags.format === "" || flags.format === "table" ? LAYERS_TABLE : flags.format;
    await printList(cli, layerList(short), format, layers.Layers);
  },
});
