import { readFileSync } from "node:fs";
import { invalidParameter, messageOf } from "../lib/index.ts";
import { builderProblem } from "./builder-config.ts";
import { registriesProblem } from "./registries-config.ts";
import { flagOf, SETTINGS, type Setting } from "./settings.ts";
import { versionLimitsProblem } from "./versions-config.ts";

/** Setting's key → value in the type that the table says. */
export type SettingValues = Map<string, unknown>;

/**
 * Reads `daemon.json`. A file that nobody asked for by name may be absent.
 * @throws InvalidParameter in dockerd's words for unknown keys, wrong types and bad JSON
 */
export function readConfigFile(path: string, required: boolean): SettingValues {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!required && (error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw invalidParameter(`unable to configure the daemon with file ${path}: ${messageOf(error)}`, error);
  }
  return parseConfig(path, text);
}

export function parseConfig(path: string, text: string): SettingValues {
  const complain = (reason: string) =>
    invalidParameter(`unable to configure the daemon with file ${path}: ${reason}`);
  if (text.trim() === "") return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw complain(`invalid JSON: ${messageOf(error)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw complain("it must hold a JSON object");
  const byKey = new Map(SETTINGS.map((setting) => [setting.key, setting]));
  const unknown = Object.keys(parsed).filter((key) => !byKey.has(key));
  if (unknown.length > 0) {
    throw complain(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  }
  const values: SettingValues = new Map();
  for (const [key, value] of Object.entries(parsed)) {
    const problem = typeProblem(byKey.get(key)!, value);
    if (problem !== undefined) throw complain(`${key}: ${problem}`);
    values.set(key, value);
  }
  return values;
}

/** A directive that stands in the file and on the command line is an error, as with dockerd. @throws InvalidParameter */
export function refuseConflicts(path: string, file: SettingValues, flags: SettingValues): void {
  const both = SETTINGS.filter((setting) => file.has(setting.key) && flags.has(setting.key)).map(
    (setting) =>
      `${flagOf(setting)}: (from flag: ${JSON.stringify(flags.get(setting.key))}, from file: ${JSON.stringify(file.get(setting.key))})`,
  );
  if (both.length === 0) return;
  throw invalidParameter(
    `unable to configure the daemon with file ${path}: the following directives are specified both as a flag and in the configuration file: ${both.join(", ")}`,
  );
}

const isText = (value: unknown) => typeof value === "string";
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isWhole = (value: unknown) => Number.isSafeInteger(value);

/** What is wrong with a JSON value for this setting. */
function typeProblem(setting: Setting, value: unknown): string | undefined {
  switch (setting.type) {
    case "text":
      return isText(value) ? undefined : "must be a string";
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "integer":
      return isWhole(value) ? undefined : "must be a whole number";
    case "size":
      return isText(value) || isWhole(value) ? undefined : "must be a size such as 64M";
    case "list":
      return Array.isArray(value) && value.every(isText) ? undefined : "must be a list of strings";
    case "pairs":
      return isObject(value) &&
        Object.values(value).every((entry) => isText(entry) || typeof entry === "boolean")
        ? undefined
        : "must be an object of strings";
    case "ulimits":
      return isObject(value) &&
        Object.values(value).every(
          (entry) => isObject(entry) && "Name" in entry && "Soft" in entry && "Hard" in entry,
        )
        ? undefined
        : 'must be like {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}';
    case "pools":
      return Array.isArray(value) &&
        value.every(
          (entry) =>
            isObject(entry) &&
            isText((entry as { base?: unknown }).base) &&
            isWhole((entry as { size?: unknown }).size),
        )
        ? undefined
        : 'must be like [{"base": "10.10.0.0/16", "size": 24}]';
    case "options":
      return isObject(value) &&
        Object.values(value).every((options) => isObject(options) && Object.values(options).every(isText))
        ? undefined
        : 'must be like {"bridge": {"key": "value"}}';
    case "registries":
      return registriesProblem(value);
    case "builder":
      return builderProblem(value);
    case "versions":
      return versionLimitsProblem(value);
    case "runtimes":
      return isObject(value) &&
        Object.values(value).every((entry) => isObject(entry) && isText((entry as { path?: unknown }).path))
        ? undefined
        : 'must be like {"name": {"path": "/usr/bin/runtime"}}';
  }
}
