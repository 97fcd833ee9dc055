import { bool, string } from "../flags.ts";
import { VERSIONS_TABLE, versionList } from "../lists/image-versions.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, exactly } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

export const command = defineCommand({
  summary: "Show what an image's name pointed at, newest first",
  description: `Show what an image's name pointed at, newest first

Each version tells which image, since when, how it came there and by whom, and
what changed with it. The version in use has an asterisk; an image that was
removed since is gone.`,
  usage: "[OPTIONS] NAME[:TAG]",
  arity: exactly(1),
  complete: "images",
  flags: {
    format: string(FORMAT_HELP),
    json: bool("Print each version as a line of JSON, with everything that is known"),
    "no-trunc": bool("Don't shorten what is long"),
  },
  async run({ cli, args, flags }) {
    const versions = await (await cli.engine()).imageVersions.list(args[0]!);
    if (flags.json || flags.format === "json") {
      cli.print(shownOn(1, versions.map((version) => `${JSON.stringify(version)}\n`).join("")));
      return;
    }
    if (flags.format === "yaml") {
      const { yamlOf } = await import("../show/yaml.ts");
      cli.print(shownOn(1, await yamlOf(JSON.stringify(versions))));
      return;
    }
    const format = flags.format === "" || flags.format === "table" ? VERSIONS_TABLE : flags.format;
    await printList(cli, versionList(!flags["no-trunc"]), format, versions);
  },
});
