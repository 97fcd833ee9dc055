import { bool, filter, int, string } from "../flags.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "List containers",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Also show containers that do not run", { short: "a" }),
    filter: filter("Show only what fulfils a condition (e.g. status=exited)"),
    format: string(FORMAT_HELP),
    last: int("Show the newest n containers, in any state", { short: "n", initial: -1 }),
    latest: bool("Show the newest container, in any state", { short: "l" }),
    "no-trunc": bool("Don't shorten what is long"),
    quiet: bool("Only print ids", { short: "q" }),
    size: bool("Also show sizes", { short: "s" }),
  },
  async run({ cli, flags, changed }) {
    const format = flags.format === "" ? ((await cli.config()).psFormat ?? "") : flags.format;
    if (flags.format !== "" && flags.quiet) {
      cli.note("WARNING: Ignoring custom format, because both --format and --quiet are set.");
    }
    if (format !== "") (await import("../show/check-format.ts")).checkContainerFormat(format);
    // Sizes are slow to compute, so they are asked for only where they are shown.
    const wantsSize = flags.size || (/\.Size\b/.test(format) && !flags.quiet && !changed("size"));
    const engine = await cli.engine();
    const listed = engine.containers.list({
      all: flags.all,
      limit: flags.latest && flags.last === -1 ? 1 : flags.last,
      size: wantsSize,
      filters: flags.filter,
    });
    // What prints the list is loaded while the engine works.
    const [containers, { containerList, containerFormat }, { printList }] = await Promise.all([
      listed,
      import("../lists/containers.ts"),
      import("../show/format.ts"),
    ]);
    const chosen = containerFormat(format, flags.quiet, wantsSize);
    await printList(cli, containerList(!flags["no-trunc"]), chosen, containers);
  },
});
