import { parseArgs } from "node:util";
import { invalidParameter, messageOf } from "../lib/index.ts";
import type { SettingValues } from "./config-file.ts";
import { flagOf, SETTINGS, type Setting, type SettingType } from "./settings.ts";

export interface CommandLine {
  readonly values: SettingValues;
  /** `--config-file`; absent: the default place. */
  readonly configFile?: string;
  readonly help: boolean;
  /** Check the configuration and end. */
  readonly validate: boolean;
}

const REPEATED: ReadonlySet<SettingType> = new Set([
  "list",
  "pairs",
  "ulimits",
  "pools",
  "options",
  "runtimes",
]);

/** @throws InvalidParameter for what is no flag of the daemon */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const parsed = parse(args);
  const values: SettingValues = new Map();
  for (const setting of SETTINGS) {
    const given = parsed[flagOf(setting) ?? ""];
    if (given !== undefined) values.set(setting.key, convert(setting, given as string | string[]));
  }
  const configFile = parsed["config-file"] as string | undefined;
  return {
    values,
    help: parsed["help"] === true,
    validate: parsed["validate"] === true,
    ...(configFile === undefined ? {} : { configFile }),
  };
}

function parse(args: readonly string[]): Record<string, unknown> {
  const options: Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }> = {
    "config-file": { type: "string" },
    help: { type: "boolean", short: "h" },
    validate: { type: "boolean" },
  };
  for (const setting of SETTINGS) {
    const flag = flagOf(setting);
    if (flag === undefined) continue;
    const short = setting.short === undefined ? {} : { short: setting.short };
    options[flag] = { type: "string", multiple: REPEATED.has(setting.type), ...short };
  }
  try {
    return parseArgs({ args: args.map(withBooleanValue), options, strict: true, allowPositionals: false })
      .values;
  } catch (error) {
    throw invalidParameter(`${messageOf(error)}\nSee 'berth daemon --help'.`, error);
  }
}

const BOOLEANS = new Map(
  SETTINGS.filter((setting) => setting.type === "boolean").flatMap((setting) => {
    const long = `--${flagOf(setting)}`;
    return setting.short === undefined
      ? [[long, long]]
      : [
          [long, long],
          [`-${setting.short}`, long],
        ];
  }) as [string, string][],
);

/** Go's boolean flags stand alone (`--debug`) or take their value behind `=` (`--icc=false`). */
function withBooleanValue(argument: string): string {
  const long = BOOLEANS.get(argument);
  return long === undefined ? argument : `${long}=true`;
}

function convert(setting: Setting, given: string | string[]): unknown {
  const list = Array.isArray(given) ? given : [given];
  switch (setting.type) {
    case "text":
    case "size":
      return list.at(-1);
    case "boolean":
      return parseBoolean(setting, list.at(-1)!);
    case "integer":
      return parseWhole(setting, list.at(-1)!);
    case "list":
    // In the file only.
    case "registries":
    case "versions":
    case "builder":
      return list;
    case "pairs":
      return Object.fromEntries(list.map((text) => splitPair(setting, text)));
    case "ulimits":
      return Object.fromEntries(list.map((text) => parseUlimit(setting, text)));
    case "pools":
      return list.map((text) => parsePool(setting, text));
    case "options":
      return mergeOptions(setting, list);
    case "runtimes":
      return Object.fromEntries(
        list.map((text) => splitPair(setting, text)).map(([name, path]) => [name, { path }]),
      );
  }
}

function wrong(setting: Setting, text: string, expected: string): never {
  throw invalidParameter(
    `invalid argument ${JSON.stringify(text)} for "--${flagOf(setting)}" flag: expected ${expected}`,
  );
}

function parseBoolean(setting: Setting, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  return wrong(setting, text, "true or false");
}

function parseWhole(setting: Setting, text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : wrong(setting, text, "a whole number");
}

function splitPair(setting: Setting, text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 1 ? wrong(setting, text, "key=value") : [text.slice(0, at), text.slice(at + 1)];
}

/** `bridge=com.docker.network.driver.mtu=1400`, several times. */
function mergeOptions(setting: Setting, list: readonly string[]): Record<string, Record<string, string>> {
  const byDriver: Record<string, Record<string, string>> = {};
  for (const text of list) {
    const [driver, option] = splitPair(setting, text);
    const [key, value] = splitPair(setting, option);
    byDriver[driver] = { ...byDriver[driver], [key]: value };
  }
  return byDriver;
}

function parseUlimit(setting: Setting, text: string): [string, { Name: string; Soft: number; Hard: number }] {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) return wrong(setting, text, "name=soft[:hard]");
  const [, name, soft, hard] = match;
  return [name!, { Name: name!, Soft: Number(soft), Hard: Number(hard ?? soft) }];
}

function parsePool(setting: Setting, text: string): { base: string; size: number } {
  const fields = new Map(text.split(",").map((field) => splitPair(setting, field)));
  const [base, size] = [fields.get("base"), fields.get("size")];
  if (base === undefined || size === undefined || fields.size !== 2)
    return wrong(setting, text, "base=CIDR,size=N");
  return { base, size: parseWhole(setting, size) };
}

/** The text of `berth daemon --help`. */
export function daemonHelp(): string {
  const rows = SETTINGS.filter((setting) => flagOf(setting) !== undefined).map((setting) => {
    const short = setting.short === undefined ? "    " : `-${setting.short}, `;
    return [
      `  ${short}--${flagOf(setting)}${setting.type === "boolean" ? "" : ` ${setting.type === "integer" ? "int" : setting.type === "list" ? "list" : "string"}`}`,
      setting.help,
    ] as const;
  });
  rows.push(
    ["      --config-file string", "Configuration file (/etc/berth/daemon.json)"],
    ["      --validate", "Check the configuration and end"],
  );
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 3;
  const lines = rows.map(([flag, help]) => `${flag.padEnd(width)}${help}`);
  return `Usage:  berth daemon [OPTIONS]\n        berth daemon tls init [OPTIONS]\n\nThe engine: keeps images, networks and volumes, and runs containers\n\nOptions:\n${lines.join("\n")}\n`;
}
