import { VERSION } from "../../lib/index.ts";
import { API_VERSION } from "../../sdk/index.ts";
import type { SystemVersion } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import { string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { alignColumns } from "../show/table.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { fromJson, Template } from "../template/index.ts";

export const command = defineCommand({
  summary: "Show the versions of client and engine",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: { format: string(SHOW_FORMAT_HELP, { short: "f" }) },
  async run({ cli, flags }) {
    const isYaml = flags.format === "yaml";
    const template = flags.format === "" ? undefined : parse(isYaml ? "json" : flags.format);
    const { server, apiVersion, error } = await askServer(cli);
    const client = clientVersion(apiVersion, (await cli.endpoint()).context);
    if (template === undefined) cli.print(describe(client, server));
    else if (isYaml)
      cli.print(await (await import("../show/yaml.ts")).yamlOf(render(template, client, server)));
    else cli.line(render(template, client, server));
    if (error !== undefined) throw new ExitError(1, describeError(error));
  },
});

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

/** The client's own version is worth showing also where no engine answers. */
async function askServer(cli: Cli): Promise<{ server?: SystemVersion; apiVersion: string; error?: unknown }> {
  try {
    const engine = await cli.engine();
    const server = await engine.system.version();
    return { server, apiVersion: engine.apiVersion };
  } catch (error) {
    return { apiVersion: API_VERSION, error };
  }
}

function clientVersion(apiVersion: string, context: string): ClientVersion {
  return {
    Version: VERSION,
    ApiVersion: apiVersion,
    DefaultAPIVersion: API_VERSION,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
    Context: context,
  };
}

function parse(format: string): Template {
  try {
    return new Template(format === "json" ? "{{json .}}" : format, "version");
  } catch (error) {
    throw new ExitError(64, `template parsing error: ${(error as Error).message}`, { cause: error });
  }
}

/** `.APIVersion` is the field's name in Go, `ApiVersion` in JSON. */
function render(template: Template, client: ClientVersion, server: SystemVersion | undefined): string {
  const values = fromJson(JSON.stringify({ Client: client, Server: server ?? null })) as Record<
    string,
    object
  >;
  const goNames = (value: object | null, version: string) =>
    value === null ? null : Object.defineProperty(value, "APIVersion", { value: version, enumerable: false });
  goNames(values["Client"]!, client.ApiVersion);
  if (server === undefined) return template.execute({ ...values, Server: null });
  goNames(values["Server"]!, server.ApiVersion);
  return template.execute(values);
}

function describe(client: ClientVersion, server: SystemVersion | undefined): string {
  const { ApiVersion, DefaultAPIVersion } = client;
  const downgraded = ApiVersion === DefaultAPIVersion ? "" : ` (downgraded from ${DefaultAPIVersion})`;
  const lines = [
    "Client:",
    ` Version:\t${client.Version}`,
    ` API version:\t${ApiVersion}${downgraded}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
    ...(server === undefined ? [] : describeServer(server)),
  ];
  return alignColumns(`${lines.join("\n")}\n`, 20);
}

function describeServer(server: SystemVersion): string[] {
  const platform = server.Platform?.Name ?? "";
  const lines = ["", `Server:${platform === "" ? "" : ` ${platform}`}`];
  for (const { Name, Version, Details } of componentsOf(server)) {
    lines.push(` ${Name}:`, `  Version:\t${Version}`);
    for (const [title, value] of Name === "Engine"
      ? engineDetails(Details ?? {})
      : Object.entries(Details ?? {}).sort()) {
      lines.push(`  ${title}:\t${value}`);
    }
  }
  return lines;
}

/** Old engines have no list of components. */
function componentsOf(server: SystemVersion): SystemVersion["Components"] {
  if ((server.Components ?? []).length > 0) return server.Components;
  const { Version, ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch, BuildTime = "" } = server;
  const Details = {
    ApiVersion,
    MinAPIVersion,
    GitCommit,
    GoVersion,
    Os,
    Arch,
    BuildTime,
    Experimental: "false",
  };
  return [{ Name: "Engine", Version, Details }];
}

function engineDetails(details: Readonly<Record<string, string>>): [string, string][] {
  const get = (name: string) => details[name] ?? "";
  const lines: [string, string][] = [
    ["API version", `${get("ApiVersion")} (minimum version ${get("MinAPIVersion")})`],
    ["Go version", get("GoVersion")],
    ["Git commit", get("GitCommit")],
    ["Built", builtAt(get("BuildTime"))],
    ["OS/Arch", `${get("Os")}/${get("Arch")}`],
    ["Experimental", get("Experimental")],
  ];
  // An engine that is not made with Go has nothing to say of it.
  return lines.filter(
    ([title, value]) => value !== "" || !["Go version", "Git commit", "Built"].includes(title),
  );
}

/** `Fri May 30 12:07:14 2025`, as C's `asctime`. */
function builtAt(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const [weekday, day = "", month, year, clock] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${day.replace(/^0/, " ")} ${clock} ${year}`;
}
