import type { Service } from "../../model/index.ts";
import { ProjectSchema } from "../../model/project.ts";
import { resolveEnvironment, resolveLabels } from "../env/service-environment.ts";
import { substitute } from "../env/template.ts";
import { projectName } from "../name.ts";
import { checkProject } from "../normal/check.ts";
import { checkResources } from "../normal/check-resources.ts";
import { complete } from "../normal/complete.ts";
import { type Draft, normalize } from "../normal/normalize.ts";
import { ComposeError, type Problem } from "../problem.ts";
import { enabledBy, selectServices } from "../profiles.ts";
import type { Project, Table } from "../project.ts";
import { settled } from "../shape/merge.ts";
import { child, type Mapping, type Node, plain, textOf } from "../yaml/node.ts";
import { parseYaml } from "../yaml/parse.ts";
import { type Files, type Load, lookupIn, MACHINE_FILES, sourceOf } from "./context.ts";
import { loadFiles } from "./load-files.ts";
import { findOrigin, type Origin, type ProjectOptions } from "./options.ts";

/** What a command wants of its project. */
export interface LoadOptions extends ProjectOptions {
  /** Only these services, and those they depend on; profiles of those named are enabled. */
  readonly services?: readonly string[];
  /** Keep resources that no service uses. */
  readonly allResources?: boolean;
  /** `false`: `env_file` is kept, and not read. */
  readonly resolveEnvironment?: boolean;
  /** `false`: leave out the check of services against one another. */
  readonly checkConsistency?: boolean;
  /** `false`: relative paths stay relative. */
  readonly resolvePaths?: boolean;
  /** `false`: leave out what goes without saying. */
  readonly normalize?: boolean;
}

/**
 * Reads a project: its files merged, checked and brought into the one canonical form.
 *
 * @throws ComposeError with file, line and column of everything that is wrong with the files; NotFound where there is no
 *   Compose file, or a file that one names is missing.
 */
export function loadProject(options: LoadOptions = {}): Project {
  const warn = oncePerText(options.warn);
  const origin = findOrigin(options, warn);
  const files = options.reading ?? MACHINE_FILES;
  const load: Load = {
    files,
    interpolate: true,
    resolvePaths: options.resolvePaths !== false,
    warn,
    sources: new Map(),
  };
  const name = nameOf(options, origin, load);
  const variables = new Map(origin.variables).set("COMPOSE_PROJECT_NAME", name);
  const around = { variables, directory: origin.directory };

  const problems: Problem[] = [];
  const merged = settled(loadFiles(load, origin.paths, around)) as Mapping;
  const whole = complete(merged, ProjectSchema, "", problems);
  throwAny(problems);
  const draft = draftOf(whole);
  throwAny(checkResources(draft, whole));
  if (options.normalize !== false) normalize(draft, name, lookupIn(variables));
  const project = assemble({ ...origin, variables }, name, whole, draft);
  if (options.checkConsistency !== false) throwAny(checkProject(project));
  const selected = selectServices(project, options.services ?? [], options.allResources === true);
  return withFilesRead(selected, options, files, warn);
}

/**
 * The project with its variables left in (`config --no-interpolate`): merged and normalized, short syntaxes written out that
 * no variable hides, and all else as it stands in the files. For printing only.
 */
export function loadUninterpolated(options: LoadOptions = {}): Project {
  const warn = oncePerText(options.warn);
  const origin = findOrigin(options, warn);
  const load: Load = {
    files: options.reading ?? MACHINE_FILES,
    interpolate: false,
    resolvePaths: options.resolvePaths !== false,
    warn,
    sources: new Map(),
  };
  const name = nameOf(options, origin, load);
  const variables = new Map(origin.variables).set("COMPOSE_PROJECT_NAME", name);
  const around = { variables, directory: origin.directory };
  const whole = complete(settled(loadFiles(load, origin.paths, around)), ProjectSchema, "", []);
  const draft = draftOf(whole);
  if (options.normalize !== false) normalize(draft, name, () => undefined);
  return assemble({ ...origin, variables, profiles: ["*"] }, name, whole, draft);
}

function throwAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ComposeError(problems);
}

function oncePerText(warn: ((message: string) => void) | undefined): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    told.add(message);
    warn?.(message);
  };
}

/** `name:` counts before all else is read, because variables may ask for it. */
function nameOf(options: ProjectOptions, { paths, directory, variables }: Origin, load: Load): string {
  const variable = variables.get("COMPOSE_PROJECT_NAME");
  let written: string | undefined;
  if (!options.name && !variable) {
    for (const path of paths) {
      const source = sourceOf(load, path);
      if (!/^\s*["']?name["']?\s*:/m.test(source.text) && !source.text.trimStart().startsWith("{")) continue;
      for (const document of parseYaml(source)) written = textOf(child(document, "name")) || written;
    }
  }
  if (written?.includes("$")) written = substitute(written, lookupIn(variables));
  return projectName(options.name, variable, written, directory);
}

const table = <T>(node: Node | undefined): Table<T> =>
  (node?.kind === "mapping" ? plain(node) : Object.create(null)) as Table<T>;

function draftOf(whole: Node): Draft & { models: Table<never> } {
  return {
    services: table<Service>(child(whole, "services")),
    networks: table(child(whole, "networks")),
    volumes: table(child(whole, "volumes")),
    secrets: table(child(whole, "secrets")),
    configs: table(child(whole, "configs")),
    models: table(child(whole, "models")),
  };
}

function assemble(origin: Origin, name: string, tree: Node, draft: ReturnType<typeof draftOf>): Project {
  const { enabled, disabled } = enabledBy(draft.services, origin.profiles);
  const extensions = [...(tree.kind === "mapping" ? tree.entries : [])]
    .filter(([key]) => key.startsWith("x-"))
    .map(([key, { value }]) => [key, plain(value)] as const);
  return {
    ...(draft as unknown as Pick<Project, "networks" | "volumes" | "secrets" | "configs" | "models">),
    name,
    directory: origin.directory,
    files: origin.paths,
    envFiles: origin.envFiles,
    environment: origin.variables,
    profiles: origin.profiles,
    services: enabled,
    disabled,
    extensions: Object.fromEntries(extensions),
    tree,
  };
}

function withFilesRead(
  project: Project,
  options: LoadOptions,
  files: Files,
  warn: (message: string) => void,
): Project {
  const services: Table<Service> = Object.create(null);
  for (const [name, service] of Object.entries(project.services)) {
    const resolved =
      options.resolveEnvironment === false
        ? service
        : resolveEnvironment(service, project.environment, files, warn);
    services[name] = resolveLabels(resolved, files);
  }
  return { ...project, services };
}
