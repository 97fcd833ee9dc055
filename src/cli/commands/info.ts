import { VERSION } from "../../lib/index.ts";
import type { SystemInfo } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import { string } from "../flags.ts";
import type { PluginMetadata } from "../plugins/find.ts";
import { describeInfo } from "../show/describe-info.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { fromJson, Template } from "../template/index.ts";
import { shownOn } from "../text/visible.ts";

export const command = defineCommand({
  summary: "Show everything about the engine",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: { format: string(SHOW_FORMAT_HELP, { short: "f" }) },
  async run({ cli, flags }) {
    const isYaml = flags.format === "yaml";
    const template = flags.format === "" ? undefined : parse(isYaml ? "json" : flags.format);
    const client = {
      Debug: cli.globals.debug,
      Version: VERSION,
      Context: (await cli.endpoint()).context,
      Plugins: await clientPlugins(cli),
      Warnings: null,
    };
    const { info, error } = await askServer(cli);
    if (template !== undefined) {
      const errors = error === undefined ? {} : { ServerErrors: [describeError(error)] };
      const values = JSON.stringify({ ...info, ...errors, ClientInfo: client });
      const text = template.execute(fromJson(values));
      if (isYaml) cli.print(shownOn(1, await (await import("../show/yaml.ts")).yamlOf(text)));
      else cli.line(text);
      if (error !== undefined) throw new ExitError(1);
      return;
    }
    cli.print(
      `Client:\n Version:    ${client.Version}\n Context:    ${client.Context}\n Debug Mode: ${client.Debug}\n${pluginText(client.Plugins)}\nServer:\n`,
    );
    if (info !== undefined) {
      cli.print(describeInfo(info, cli.globals.debug));
      for (const warning of info.Warnings ?? []) cli.note(warning);
    }
    if (error !== undefined)
      throw new ExitError(1, `ERROR: ${describeError(error)}\nerrors pretty printing info`);
  },
});

interface ListedPlugin extends Partial<PluginMetadata> {
  readonly Name: string;
  readonly Path: string;
  readonly Err?: string;
}

function pluginText(plugins: readonly ListedPlugin[]): string {
  const lines = plugins
    .filter(({ Err }) => Err === undefined)
    .flatMap(({ Name, ShortDescription = "<none>", Vendor, Version, Path }) => [
      `  ${Name}: ${ShortDescription} (${Vendor})\n`,
      ...(Version === undefined ? [] : [`    Version:  ${Version}\n`]),
      `    Path:     ${Path}\n`,
    ]);
  return lines.length === 0 ? "" : ` Plugins:\n${lines.join("")}`;
}

/** As Docker's client tells of its plugins. */
async function clientPlugins(cli: Cli): Promise<ListedPlugin[]> {
  const { listPlugins, pluginFolders } = await import("../plugins/find.ts");
  const plugins = await listPlugins(pluginFolders(cli.configDirectory, await cli.config()));
  return plugins.map(({ name, path, metadata, complaint }) => ({
    ...metadata,
    ...{ Name: name, Path: path },
    ...(complaint === undefined ? {} : { Err: complaint }),
  }));
}

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
