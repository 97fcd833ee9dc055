import {
  type CommandLine,
  DockerfileError,
  ExpansionBudget,
  expandWord,
  expandWords,
  type Instruction,
  type Pair,
  parseDockerfile,
  parseExposedPort,
  type Statement,
  typedInstruction,
} from "../../lib/dockerfile/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HealthConfig } from "../../wire/index.ts";

/** A configuration while instructions change it. */
interface Target {
  readonly config: ContainerConfig;
  readonly budget: ExpansionBudget;
  /** `ENTRYPOINT` forgets a command unless it comes from the same changes. */
  commandSet: boolean;
}

const ALLOWED = new Set([
  ...[
    "cmd",
    "entrypoint",
    "env",
    "expose",
    "healthcheck",
    "label",
    "onbuild",
    "stopsignal",
    "user",
    "volume",
  ],
  "workdir",
]);

/**
 * A configuration with `--change` instructions of `import` and `commit` applied; the one given stays as it is.
 * @throws InvalidParameter with Docker's words.
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  const target: Target = {
    config: structuredClone(config),
    budget: new ExpansionBudget(),
    commandSet: false,
  };
  for (const instruction of instructionsOf(changes.join("\n"))) apply(target, instruction);
  return target.config;
}

/** They are no file, so that an error needs no line. */
function instructionsOf(text: string): Instruction[] {
  if (text.trim() === "") return [];
  try {
    const { statements } = parseDockerfile(text);
    statements.forEach(refuseOthers);
    return statements.map(typedInstruction);
  } catch (error) {
    throw error instanceof DockerfileError ? invalidParameter(error.reason, error) : error;
  }
}

function refuseOthers({ keyword }: Statement): void {
  const name = keyword.toLowerCase();
  if (!ALLOWED.has(name)) throw invalidParameter(`${name} is not a valid change command`);
}

function apply(target: Target, instruction: Instruction): void {
  const { config } = target;
  switch (instruction.name) {
    case "CMD":
      config.Cmd = commandLine(config, instruction.command);
      target.commandSet ||= instruction.command.words.length > 0;
      break;
    case "ENTRYPOINT":
      config.Entrypoint = commandLine(config, instruction.command);
      if (!target.commandSet) config.Cmd = null;
      break;
    case "ENV":
      config.Env = withEnv(config.Env ?? [], pairsOf(target, "ENV", instruction.pairs));
      break;
    case "EXPOSE":
      applyExpose(target, instruction.ports);
      break;
    case "HEALTHCHECK":
      config.Healthcheck = healthOf(instruction.check);
      break;
    case "LABEL":
      config.Labels = withEntries(config.Labels, pairsOf(target, "LABEL", instruction.pairs));
      break;
    case "ONBUILD":
      config.OnBuild = [...(config.OnBuild ?? []), instruction.expression];
      break;
    case "STOPSIGNAL":
      config.StopSignal = signalOf(expand(target, instruction.signal));
      break;
    case "USER":
      config.User = expand(target, instruction.user);
      break;
    case "VOLUME":
      applyVolume(target, instruction.volumes);
      break;
    case "WORKDIR":
      applyWorkdir(target, instruction.path);
      break;
  }
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

function expand({ config, budget }: Target, word: string): string {
  return expandWord(word, variablesOf(config), { budget }).text;
}

/** The JSON form is the command itself, anything else goes to the image's shell. */
function commandLine(config: ContainerConfig, { words, shell }: CommandLine): string[] {
  return shell && words.length > 0 ? [...(config.Shell ?? ["/bin/sh", "-c"]), ...words] : [...words];
}

/** Names and values of one instruction see the variables as they were before it. */
function pairsOf(
  { config, budget }: Target,
  instruction: string,
  pairs: readonly Pair[],
): [string, string][] {
  const variables = variablesOf(config);
  return pairs.map(({ name, value }) => {
    const expanded = expandWord(name, variables, { budget }).text;
    if (expanded === "") throw invalidParameter(`${instruction} names can not be blank`);
    return [expanded, expandWord(value, variables, { budget }).text];
  });
}

function withEnv(before: readonly string[], pairs: readonly [string, string][]): string[] {
  const env = [...before];
  for (const [name, value] of pairs) {
    const at = env.findIndex((setting) => setting.split("=", 1)[0] === name);
    if (at >= 0) env[at] = `${name}=${value}`;
    else env.push(`${name}=${value}`);
  }
  return env;
}

/** By way of a Map, because `__proto__` is a name like any other. */
function withEntries<V>(
  before: Record<string, V> | null | undefined,
  entries: [string, V][],
): Record<string, V> {
  return Object.fromEntries(new Map([...Object.entries(before ?? {}), ...entries]));
}

const PORTS_MAX = 1_000_000;

function applyExpose({ config, budget }: Target, words: readonly string[]): void {
  const ports: [string, object][] = [];
  const variables = variablesOf(config);
  for (const word of words.flatMap((word) => expandWords(word, variables, { budget }))) {
    const { first, last, protocol } = parseExposedPort(word);
    for (let port = first; port <= last; port++) ports.push([`${port}/${protocol}`, {}]);
    if (ports.length > PORTS_MAX) throw invalidParameter(`more than ${PORTS_MAX} ports`);
  }
  config.ExposedPorts = withEntries(config.ExposedPorts, ports);
}

/** What is zero is not said. */
function healthOf({ Test, ...times }: HealthConfig): HealthConfig {
  return { Test, ...Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0)) };
}

function signalOf(signal: string): string {
  if (!/^(?:(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d+)?|\d{1,3})$/i.test(signal)) {
    throw invalidParameter(`invalid signal: ${signal}`);
  }
  return signal;
}

function applyVolume(target: Target, words: readonly string[]): void {
  const paths = words.map((word) => expand(target, word).trim());
  if (paths.includes("")) throw invalidParameter("VOLUME specified can not be an empty string");
  target.config.Volumes = withEntries(
    target.config.Volumes,
    paths.map((path): [string, object] => [path, {}]),
  );
}

function applyWorkdir(target: Target, path: string): void {
  const wanted = expand(target, path);
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
