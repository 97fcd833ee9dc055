import { VERSION } from "../../../lib/index.ts";
import { bool, string } from "../../flags.ts";
import { NO_ARGUMENTS } from "../../spec.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show the version",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    format: string("How to print: pretty, json or yaml", {
      short: "f",
      complete: ["pretty", "json", "yaml"],
    }),
    short: bool("Only print the number"),
  },
  async run({ cli, flags }) {
    if (flags.short) cli.line(VERSION);
    else if (flags.format === "json") cli.line(JSON.stringify({ version: VERSION }));
    else if (flags.format === "yaml") cli.line(`version: ${VERSION}`);
    else cli.line(`berth compose version ${VERSION}`);
  },
});
