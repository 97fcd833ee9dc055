import { ProjectSchema } from "../../model/project.ts";
import { ComposeError } from "../problem.ts";
import { merge } from "../shape/merge.ts";
import { resolvePaths } from "../shape/paths.ts";
import {
  child,
  isNull,
  type Mapping,
  type Node,
  scalar,
  textOf,
  withEntries,
  withValues,
} from "../yaml/node.ts";
import { IMPLICIT } from "../yaml/source.ts";
import type { Load, Surroundings, Variables } from "./context.ts";
import { readDocuments } from "./document.ts";
import { applyExtends } from "./extends.ts";
import { applyIncludes } from "./include.ts";

/**
 * Several Compose files as one tree in canonical form: every document's includes taken in, its services extended, its paths
 * resolved, and then merged over what came before.
 *
 * @param chain the files being read, outermost first: including one of them again has no end.
 * @param relativeBase where paths shall start from when they are not made absolute.
 */
export function loadFiles(
  load: Load,
  paths: readonly string[],
  around: Surroundings,
  chain: readonly string[] = [],
  relativeBase?: string,
): Mapping {
  let whole: Mapping | undefined;
  for (const path of paths) {
    for (const document of readDocuments(load, path, around.variables)) {
      const base = load.resolvePaths ? around.directory : relativeBase;
      const own = base === undefined ? document : (resolveOwn(document, base) as Mapping);
      const included = applyIncludes(load, own, around, [...chain, path]);
      const extended = applyExtends(load, included, path, around);
      whole =
        whole === undefined
          ? extended
          : (merge(whole, extended, ProjectSchema, !load.interpolate) as Mapping);
    }
  }
  if (whole === undefined) {
    throw new ComposeError([
      { path: "", message: "empty compose file", at: { source: IMPLICIT, offset: 0 } },
    ]);
  }
  const directory = load.resolvePaths ? around.directory : (relativeBase ?? ".");
  return settle(whole, directory, load.interpolate ? around.variables : new Map());
}

/** What depends on where this set of files stands, before another may take it in. */
function settle(whole: Mapping, base: string, variables: Variables): Mapping {
  const changes: Record<string, Node | undefined> = Object.create(null);
  const services = child(whole, "services");
  if (services?.kind === "mapping") {
    changes["services"] = withValues(services, (_, service) =>
      fillVariables(withContext(service, base), variables),
    );
  }
  for (const section of ["secrets", "configs"]) {
    const objects = child(whole, section);
    if (objects?.kind === "mapping")
      changes[section] = withValues(objects, (_, one) => withContent(one, variables));
  }
  return withEntries(whole, changes);
}

/** A build without context is that of the directory. */
function withContext(service: Node, base: string): Node {
  const build = child(service, "build");
  if (service.kind !== "mapping" || build?.kind !== "mapping" || build.mark === "reset") return service;
  if (build.entries.has("context")) return service;
  return withEntries(service, { build: withEntries(build, { context: scalar(base, build.at) }) });
}

/** Variables that are only named take their value from the environment. */
function fillVariables(service: Node, variables: Variables): Node {
  const environment = child(service, "environment");
  if (service.kind !== "mapping" || environment?.kind !== "mapping") return service;
  const filled = withValues(environment, (name, value) => {
    const found = isNull(value) && value.mark !== "reset" ? variables.get(name) : undefined;
    return found === undefined ? value : scalar(found, value.at);
  });
  return filled === environment ? service : withEntries(service, { environment: filled });
}

/** The content of a secret or config that a variable holds. */
function withContent(object: Node, variables: Variables): Node {
  const name = textOf(child(object, "environment"));
  const content = name === undefined ? undefined : variables.get(name);
  if (content === undefined || object.kind !== "mapping" || object.entries.has("content")) return object;
  return withEntries(object, { content: scalar(content, object.at) });
}

const resolveOwn = (document: Mapping, base: string) => resolvePaths(document, ProjectSchema, base);
