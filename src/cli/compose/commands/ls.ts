import { bool, filter, string } from "../../flags.ts";
import { NO_ARGUMENTS } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "List the projects that run",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Also show projects of which nothing runs", { short: "a" }),
    filter: filter("Show only what fulfils a condition (name=shop)", {}),
    format: string("How to print: table, json or yaml", {
      initial: "table",
      complete: ["table", "json", "yaml"],
    }),
    quiet: bool("Only print names", { short: "q" }),
  },
  async run({ cli, session, flags }) {
    const unknown = Object.keys(flags.filter).find((name) => name !== "name");
    if (unknown !== undefined) throw new Error(`invalid filter '${unknown}'`);
    const { observe } = await compose();
    const projects = (await observe.listProjects(await session.engine(), { all: flags.all })).filter(
      ({ name }) => isWanted(name, flags.filter["name"]),
    );
    if (flags.quiet) {
      cli.print(projects.map(({ name }) => `${name}\n`).join(""));
      return;
    }
    const { printRows } = await import("../lists/rows.ts");
    const rows = projects.map(({ name, status, configFiles }) => ({
      Name: name,
      Status: status,
      ConfigFiles: configFiles?.join(",") ?? "N/A",
    }));
    const titles = { NAME: "Name", STATUS: "Status", "CONFIG FILES": "ConfigFiles" } as const;
    await printRows(cli, flags.format, titles, rows);
  },
});

/** Patterns are regular expressions; one that is none, or could take very long, is taken as it stands. */
function isWanted(name: string, patterns: readonly string[] | undefined): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    if (name === pattern) return true;
    if (/[(\\]|[*+?}].*[*+?}].*[*+?}]/.test(pattern)) return false;
    try {
      return new RegExp(pattern).test(name);
    } catch {
      return false;
    }
  });
}
