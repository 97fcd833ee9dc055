import type { Filters } from "../../sdk/index.ts";
import { bool, filter, string } from "../flags.ts";
import { imageFormat, imageList, namedImages } from "../lists/images.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { between, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "List images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  arity: between(0, 1),
  complete: "images",
  flags: {
    all: bool("Also show images that are only layers of others", { short: "a" }),
    digests: bool("Also show digests"),
    filter: filter("Show only what fulfils a condition (e.g. dangling=true)"),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Don't shorten what is long"),
    quiet: bool("Only print ids", { short: "q" }),
    tree: bool("Show each image's platforms below it"),
  },
  async run({ cli, args, flags, changed }) {
    const { images } = await cli.engine();
    const filters = withReference(flags.filter, args[0]);
    if (flags.tree) {
      const clash = (["quiet", "no-trunc", "digests", "format"] as const).find((name) => changed(name));
      if (clash !== undefined) throw new Error(`--${clash} is not yet supported with --tree`);
      const { imageTree } = await import("../show/image-tree.ts");
      cli.print(imageTree(await images.list({ all: flags.all, manifests: true, filters })));
      return;
    }
    const format = flags.format || (!flags.quiet && (await cli.config()).imagesFormat) || "table";
    const chosen = imageFormat(format, flags.quiet, flags.digests);
    const found = await images.list({ all: flags.all, digests: flags.digests, filters });
    const rows = namedImages(found, flags.digests || chosen.includes("{{.Digest}}"));
    await printList(cli, imageList(!flags["no-trunc"]), chosen, rows);
  },
});

function withReference(filters: Filters, reference: string | undefined): Filters {
  return reference === undefined
    ? filters
    : { ...filters, reference: [...(filters["reference"] ?? []), reference] };
}
