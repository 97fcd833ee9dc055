import { VERSION } from "../../lib/index.ts";
import type { SystemInfo } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import { string } from "../flags.ts";
import { describeInfo } from "../show/describe-info.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { fromJson, Template } from "../template/index.ts";

export const command = defineCommand({
  summary: "Show everything about the engine",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: { format: string(SHOW_FORMAT_HELP, { short: "f" }) },
  async run({ cli, flags }) {
    const template = flags.format === "" ? undefined : parse(flags.format);
    const client = {
      Debug: cli.globals.debug,
      Version: VERSION,
      Context: (await cli.endpoint()).context,
      Plugins: [],
      Warnings: null,
    };
    const { info, error } = await askServer(cli);
    if (template !== undefined) {
      const errors = error === undefined ? {} : { ServerErrors: [describeError(error)] };
      const values = JSON.stringify({ ...info, ...errors, ClientInfo: client });
      cli.line(template.execute(fromJson(values)));
      if (error !== undefined) throw new ExitError(1);
      return;
    }
    cli.print(
      `Client:\n Version:    ${client.Version}\n Context:    ${client.Context}\n Debug Mode: ${client.Debug}\n\nServer:\n`,
    );
    if (info !== undefined) {
      cli.print(describeInfo(info, cli.globals.debug));
      for (const warning of info.Warnings ?? []) cli.note(warning);
    }
    if (error !== undefined)
      throw new ExitError(1, `ERROR: ${describeError(error)}\nerrors pretty printing info`);
  },
});

/** The client has something to say also where no engine answers. */
async function askServer(cli: Cli): Promise<{ info?: SystemInfo; error?: unknown }> {
  try {
    return { info: await (await cli.engine()).system.info() };
  } catch (error) {
    return { error };
  }
}

function parse(format: string): Template {
  try {
    return new Template(format === "json" ? "{{json .}}" : format);
  } catch (error) {
    throw new ExitError(64, `template parsing error: ${(error as Error).message}`, { cause: error });
  }
}
