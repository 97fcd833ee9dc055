import { dirname, isAbsolute, join, relative } from "node:path";
import { ProjectSchema } from "../../model/project.ts";
import { rulesOf } from "../../model/schema.ts";
import { readEnvFiles } from "../env/env-files.ts";
import { problemAt } from "../problem.ts";
import { merge, settled } from "../shape/merge.ts";
import { expandHome } from "../shape/paths.ts";
import { child, type Mapping, mapping, type Node, textOf, withEntries } from "../yaml/node.ts";
import type { Load, Surroundings, Variables } from "./context.ts";
import { loadFiles } from "./load-files.ts";
import { remoteRefusal } from "./remote.ts";

const IMPORTED = ["services", "volumes", "networks", "secrets", "configs", "models"];

/**
 * Takes the projects that a document includes into it. Each is loaded by itself, with its own directory and `.env`; where
 * both sides describe one resource, the including document is merged over the included one.
 *
 * @param chain the files being read, outermost first.
 */
export function applyIncludes(
  load: Load,
  document: Mapping,
  around: Surroundings,
  chain: readonly string[],
): Mapping {
  const includes = child(document, "include");
  if (includes?.kind !== "sequence") return withEntries(document, { include: undefined });
  let result = withEntries(document, { include: undefined });
  for (const include of includes.items) {
    const included = loadIncluded(load, include, around, chain);
    result = importInto(result, included, !load.interpolate);
  }
  return result;
}

function loadIncluded(load: Load, include: Node, around: Surroundings, chain: readonly string[]): Mapping {
  const from = (path: string) => {
    const expanded = expandHome(path);
    return isAbsolute(expanded) ? expanded : join(around.directory, expanded);
  };
  const written = texts(child(include, "path"));
  const refusal = written.map(remoteRefusal).find((text) => text !== undefined);
  if (refusal !== undefined) throw problemAt(include.at, "include", refusal);
  const paths = written.map(from);
  const [main] = paths;
  if (main === undefined)
    throw problemAt(include.at, "include", "the file to include must be named: path: …");
  if (chain.includes(main)) {
    const circle = [...chain.slice(chain.indexOf(main)), main].join("\n include ");
    throw problemAt(include.at, "include", `include cycle detected:\n${circle}`);
  }
  const given = textOf(child(include, "project_directory"));
  const directory = given === undefined ? dirname(main) : from(given);
  const envFiles = includedEnvFiles(load, child(include, "env_file"), directory, from);
  const variables = withDefaults(around.variables, readEnvFiles(load.files, envFiles, around.variables));
  try {
    const relativeBase = load.resolvePaths ? undefined : relative(around.directory, directory) || ".";
    return settled(loadFiles(load, paths, { variables, directory }, chain, relativeBase)) as Mapping;
  } catch (error) {
    if ((error as { kind?: string }).kind !== "NotFound") throw error;
    throw problemAt(include.at, "include", (error as Error).message);
  }
}

function includedEnvFiles(
  load: Load,
  node: Node | undefined,
  directory: string,
  from: (path: string) => string,
): string[] {
  const named = texts(node);
  // Naming /dev/null is the way to say: none.
  if (named.length > 0) return named.filter((path) => path !== "/dev/null").map(from);
  const implicit = join(directory, ".env");
  return load.files.has(implicit) ? [implicit] : [];
}

const texts = (node: Node | undefined): string[] =>
  node?.kind === "sequence" ? node.items.flatMap((item) => textOf(item) ?? []) : [];

function withDefaults(variables: Variables, defaults: Variables): Variables {
  return new Map([...defaults, ...variables]);
}

function importInto(document: Mapping, included: Mapping, written: boolean): Mapping {
  const rules = rulesOf(ProjectSchema);
  if (rules.kind !== "struct") return document;
  const changes: Record<string, Node> = Object.create(null);
  for (const section of IMPORTED) {
    const from = child(included, section);
    if (from === undefined) continue;
    const to = child(document, section) ?? mapping(new Map(), from.at);
    changes[section] = merge(from, to, rules.properties[section]!, written);
  }
  return withEntries(document, changes);
}
