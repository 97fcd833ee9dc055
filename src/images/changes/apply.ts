import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HealthConfig } from "../../wire/index.ts";
import { expandWord, splitWords } from "./expand.ts";
import { type Instruction, parseInstructions, parseJsonForm, splitFlags } from "./instructions.ts";
import { parsePortSpecification } from "./ports.ts";

/** A configuration while instructions change it. */
interface Target {
  readonly config: ContainerConfig;
  /** `ENTRYPOINT` forgets a command unless it comes from the same changes. */
  commandSet: boolean;
}

type Apply = (target: Target, instruction: Instruction) => void;

const INSTRUCTIONS = new Map<string, Apply>([
  ["cmd", applyCmd],
  ["entrypoint", applyEntrypoint],
  ["env", applyEnv],
  ["expose", applyExpose],
  ["healthcheck", applyHealthcheck],
  ["label", applyLabel],
  ["onbuild", applyOnbuild],
  ["stopsignal", applyStopSignal],
  ["user", applyUser],
  ["volume", applyVolume],
  ["workdir", applyWorkdir],
]);

/**
 * A configuration with `--change` instructions of `import` and `commit` applied; the one given stays as it is.
 * @throws InvalidParameter with Docker's words.
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  const instructions = parseInstructions(changes.join("\n"));
  for (const { name } of instructions) {
    if (!INSTRUCTIONS.has(name)) throw invalidParameter(`${name} is not a valid change command`);
  }
  const target: Target = { config: structuredClone(config), commandSet: false };
  for (const instruction of instructions) INSTRUCTIONS.get(instruction.name)!(target, instruction);
  return target.config;
}

/** The variables that an instruction may refer to: those that the image sets. */
function variablesOf(config: ContainerConfig): Map<string, string> {
  const variables = new Map<string, string>();
  for (const setting of config.Env ?? []) {
    const equals = setting.indexOf("=");
    if (equals > 0) variables.set(setting.slice(0, equals), setting.slice(equals + 1));
  }
  return variables;
}

function expand(target: Target, word: string): string {
  return expandWord(word, variablesOf(target.config));
}

function applyCmd(target: Target, { rest }: Instruction): void {
  target.config.Cmd = commandLine(target.config, rest);
  target.commandSet ||= rest !== "";
}

function applyEntrypoint(target: Target, { rest }: Instruction): void {
  target.config.Entrypoint = commandLine(target.config, rest);
  if (!target.commandSet) target.config.Cmd = null;
}

/** The JSON form is the command itself, anything else goes to the image's shell. */
function commandLine(config: ContainerConfig, rest: string): string[] {
  const words = parseJsonForm(rest);
  if (words !== undefined) return words;
  if (rest === "") return [];
  return [...(config.Shell ?? ["/bin/sh", "-c"]), rest];
}

function applyEnv(target: Target, { rest }: Instruction): void {
  // Values of one instruction see the variables as they were before it.
  const variables = variablesOf(target.config);
  const settings = parsePairs("ENV", rest).map(([name, value]) => {
    const expanded = expandWord(name, variables);
    if (expanded === "") throw invalidParameter("ENV names can not be blank");
    return [expanded, expandWord(value, variables)] as const;
  });
  const env = [...(target.config.Env ?? [])];
  for (const [name, value] of settings) {
    const at = env.findIndex((setting) => setting.split("=", 1)[0] === name);
    if (at >= 0) env[at] = `${name}=${value}`;
    else env.push(`${name}=${value}`);
  }
  target.config.Env = env;
}

function applyLabel(target: Target, { rest }: Instruction): void {
  const labels = new Map(Object.entries(target.config.Labels ?? {}));
  for (const [name, value] of parsePairs("LABEL", rest)) {
    const expanded = expand(target, name);
    if (expanded === "") throw invalidParameter("LABEL names can not be blank");
    labels.set(expanded, expand(target, value));
  }
  target.config.Labels = Object.fromEntries(labels);
}

/** `name=value …`, or the old form `name value with blanks`. */
function parsePairs(instruction: string, rest: string): [name: string, value: string][] {
  const words = splitWords(rest);
  if (words.length === 0) throw invalidParameter(`${instruction} requires at least one argument`);
  if (!words[0]!.includes("=")) {
    const match = /^(\S+)\s+([\s\S]+)$/.exec(rest);
    if (match === null) throw invalidParameter(`${instruction} must have two arguments`);
    return [[match[1]!, match[2]!]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) {
      throw invalidParameter(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function applyExpose(target: Target, { rest }: Instruction): void {
  const words = splitWords(rest);
  if (words.length === 0) throw invalidParameter("EXPOSE requires at least one argument");
  const ports = { ...target.config.ExposedPorts };
  for (const word of words) {
    for (const port of parsePortSpecification(expand(target, word))) ports[port] = {};
  }
  target.config.ExposedPorts = ports;
}

function applyUser(target: Target, { rest }: Instruction): void {
  target.config.User = expand(target, onlyWord("USER", rest));
}

function applyWorkdir(target: Target, { rest }: Instruction): void {
  if (rest === "") throw invalidParameter("WORKDIR requires exactly one argument");
  const wanted = expand(target, rest);
  if (wanted === "") throw invalidParameter("cannot normalize nothing");
  target.config.WorkingDir = wanted.startsWith("/")
    ? wanted
    : joinPath(target.config.WorkingDir ?? "", wanted);
}

/** An absolute path without `.`, `..` and doubled slashes, which can not climb above the root. */
function joinPath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${directory}/${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function applyVolume(target: Target, { rest }: Instruction): void {
  const words = parseJsonForm(rest) ?? splitWords(rest);
  if (words.length === 0) throw invalidParameter("VOLUME requires at least one argument");
  const volumes = new Map(Object.entries(target.config.Volumes ?? {}));
  for (const word of words) {
    const path = expand(target, word).trim();
    if (path === "") throw invalidParameter("VOLUME specified can not be an empty string");
    volumes.set(path, {});
  }
  target.config.Volumes = Object.fromEntries(volumes);
}

function applyStopSignal(target: Target, { rest }: Instruction): void {
  const signal = expand(target, onlyWord("STOPSIGNAL", rest));
  if (!/^(?:(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d+)?|\d{1,3})$/i.test(signal)) {
    throw invalidParameter(`invalid signal: ${signal}`);
  }
  target.config.StopSignal = signal;
}

function onlyWord(instruction: string, rest: string): string {
  const words = splitWords(rest);
  if (words.length !== 1) throw invalidParameter(`${instruction} requires exactly one argument`);
  return words[0]!;
}

function applyOnbuild(target: Target, { rest }: Instruction): void {
  const trigger = rest.split(/\s/, 1)[0]!.toUpperCase();
  if (trigger === "") throw invalidParameter("ONBUILD requires at least one argument");
  if (trigger === "ONBUILD") throw invalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") {
    throw invalidParameter(`${trigger} isn't allowed as an ONBUILD trigger`);
  }
  target.config.OnBuild = [...(target.config.OnBuild ?? []), rest];
}

function applyHealthcheck(target: Target, instruction: Instruction): void {
  const { flags, rest } = splitFlags(instruction.rest);
  const match = /^(\S+)\s*([\s\S]*)$/.exec(rest);
  if (match === null) throw invalidParameter("HEALTHCHECK requires at least one argument");
  const type = match[1]!.toUpperCase();
  const command = match[2]!;
  if (type === "NONE") {
    if (command !== "") throw invalidParameter("HEALTHCHECK NONE takes no arguments");
    target.config.Healthcheck = { Test: ["NONE"] };
    return;
  }
  if (type !== "CMD") throw invalidParameter(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  if (command === "") throw invalidParameter("Missing command after HEALTHCHECK CMD");
  const words = parseJsonForm(command);
  const health: HealthConfig = { Test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words] };
  for (const [flag, value] of flags) applyHealthFlag(health, flag, value);
  target.config.Healthcheck = health;
}

const HEALTH_DURATIONS = new Map<string, "Interval" | "Timeout" | "StartPeriod" | "StartInterval">([
  ["interval", "Interval"],
  ["timeout", "Timeout"],
  ["start-period", "StartPeriod"],
  ["start-interval", "StartInterval"],
]);

/** Docker refuses what is positive but shorter: checks would follow one another without pause. */
const HEALTH_DURATION_MIN_NS = 1_000_000;

function applyHealthFlag(health: HealthConfig, flag: string, value: string): void {
  const field = HEALTH_DURATIONS.get(flag);
  if (field !== undefined) {
    const ns = parseDurationNs(value);
    if (ns < 0) throw invalidParameter(`Interval ${JSON.stringify(flag)} cannot be negative`);
    if (ns > 0 && ns < HEALTH_DURATION_MIN_NS) {
      throw invalidParameter(`Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
    }
    health[field] = ns;
  } else if (flag === "retries") {
    if (!/^\d{1,9}$/.test(value))
      throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    health.Retries = Number(value);
  } else throw invalidParameter(`unknown flag: --${flag}`);
}

const UNITS_NS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A Go duration (`1h2m3.5s`) in nanoseconds. @throws InvalidParameter */
export function parseDurationNs(text: string): number {
  const invalid = () => invalidParameter(`time: invalid duration ${JSON.stringify(text)}`);
  if (text.length > 64) throw invalid();
  if (/^[+-]?0$/.test(text)) return 0;
  const match = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (match === null) throw invalid();
  let total = 0;
  for (const [, number, unit] of match[2]!.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g))
    total += Number(number) * UNITS_NS[unit!]!;
  if (total > Number.MAX_SAFE_INTEGER) throw invalid();
  return Math.round(match[1] === "-" ? -total : total);
}
