import { realpathSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { invalidParameter, notFound } from "../../../lib/index.ts";
import { readEnvFiles } from "../env/env-files.ts";
import { type Files, MACHINE_FILES, type Variables } from "./context.ts";
import { remoteRefusal } from "./remote.ts";

const NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];

/** What a person says about which project is meant: the global flags of `compose`. */
export interface ProjectOptions {
  /** `-f`, in order; `-` is standard input. None: `COMPOSE_FILE`, then the default names here or in a parent directory. */
  readonly files?: readonly string[];
  /** `--project-directory`. None: that of the first file. */
  readonly directory?: string;
  /** `-p`. */
  readonly name?: string;
  /** `--env-file`, in order. None: `COMPOSE_ENV_FILES`, then `.env` in the project's directory. */
  readonly envFiles?: readonly string[];
  /** `--profile`. None: `COMPOSE_PROFILES`. */
  readonly profiles?: readonly string[];
  /** The directory from which the command was given; default: the process's. */
  readonly workingDirectory?: string;
  /** The process's variables; default: its own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How files are read; default: from this machine. */
  readonly reading?: Files;
  readonly warn?: (message: string) => void;
}

/** Which files, which directory and which variables a project has. */
export interface Origin {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly variables: Variables;
  readonly envFiles: readonly string[];
  readonly profiles: readonly string[];
}

/**
 * Finds a project's files and variables. Variables of the process win over those of `.env` files; a `.env` beside the
 * command may say `COMPOSE_FILE`, and one beside the file so found is read as well.
 *
 * @throws NotFound where there is no Compose file.
 */
export function findOrigin(options: ProjectOptions, warn: (message: string) => void): Origin {
  const here = options.workingDirectory ?? process.cwd();
  const from = (path: string) => {
    const refusal = remoteRefusal(path);
    if (refusal !== undefined) throw invalidParameter(refusal);
    return resolve(here, path);
  };
  const outside = new Map(
    Object.entries(options.environment ?? process.env).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    ),
  );
  if (!outside.has("PWD")) outside.set("PWD", here);
  const files = options.reading ?? MACHINE_FILES;
  const said = options.directory ? from(options.directory) : undefined;
  const given = (options.files ?? []).map((path) => (path === "-" ? path : from(path)));
  const namedEnvFiles = (
    options.envFiles?.length ? options.envFiles : split(outside.get("COMPOSE_ENV_FILES"), ",")
  ).map(from);
  const onUnset = (name: string) => warn(`The "${name}" variable is not set. Defaulting to a blank string.`);

  let variables: Variables = outside;
  const readEnv = (directory: string): string[] => {
    const paths = namedEnvFiles.length > 0 ? namedEnvFiles : implicitEnvFile(files, outside, directory);
    variables = new Map([...readEnvFiles(files, paths, variables, onUnset), ...variables]);
    return paths;
  };

  const first = said ?? directoryOf(given) ?? here;
  let envFiles = readEnv(first);
  const paths =
    given.length > 0 ? given : (fromVariable(variables, from) ?? searchUpwards(files, said ?? here, warn));
  if (paths.length === 0) throw notFound("no configuration file provided: not found");
  const directory = said ?? directoryOf(paths) ?? here;
  if (directory !== first) envFiles = readEnv(directory);
  const profiles = options.profiles?.length
    ? options.profiles
    : split(variables.get("COMPOSE_PROFILES"), ",");
  warnOfLink(directory, options, variables, warn);
  return { paths, directory, variables, envFiles: namedEnvFiles.length > 0 ? envFiles : [], profiles };
}

const directoryOf = (paths: readonly string[]): string | undefined => {
  const file = paths.find((path) => path !== "-");
  return file === undefined ? undefined : dirname(file);
};

const split = (text: string | undefined, separator: string): string[] =>
  (text ?? "")
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");

function implicitEnvFile(files: Files, outside: Variables, directory: string): string[] {
  const disabled = outside.get("COMPOSE_DISABLE_ENV_FILE");
  if (disabled !== undefined && /^(1|t|true)$/i.test(disabled)) return [];
  const path = join(directory, ".env");
  return files.has(path) ? [path] : [];
}

function fromVariable(variables: Variables, from: (path: string) => string): string[] | undefined {
  const text = variables.get("COMPOSE_FILE");
  if (text === undefined) return undefined;
  const paths = text.split(variables.get("COMPOSE_PATH_SEPARATOR") || delimiter);
  if (paths.some((path) => path === "")) throw invalidParameter("COMPOSE_FILE names an empty path");
  return paths.map((path) => (path === "-" ? path : from(path)));
}

/** The default names here, else in the nearest parent directory that has one; with its override file. */
function searchUpwards(files: Files, start: string, warn: (message: string) => void): string[] {
  for (let directory = start; ; directory = dirname(directory)) {
    const found = choose(files, NAMES, directory, "config", warn);
    if (found !== undefined) {
      const override = choose(files, OVERRIDES, directory, "override", warn);
      return override === undefined ? [found] : [found, override];
    }
    if (dirname(directory) === directory) return [];
  }
}

function choose(
  files: Files,
  names: readonly string[],
  directory: string,
  what: string,
  warn: (message: string) => void,
): string | undefined {
  const found = names.map((name) => join(directory, name)).filter((path) => files.has(path));
  if (found.length > 1) {
    warn(`Found multiple ${what} files with supported names: ${found.join(", ")}`);
    warn(`Using ${found[0]}`);
  }
  return found[0];
}

/** The name of a project in a directory that is reached by a link depends on the link. */
function warnOfLink(
  directory: string,
  options: ProjectOptions,
  variables: Variables,
  warn: (message: string) => void,
): void {
  if (options.name || variables.get("COMPOSE_PROJECT_NAME") || !isAbsolute(directory)) return;
  try {
    if (basename(realpathSync(directory)) === basename(directory)) return;
  } catch {
    return;
  }
  warn(
    `project has been loaded without an explicit name from a symlink. Using name ${JSON.stringify(basename(directory))}`,
  );
}
