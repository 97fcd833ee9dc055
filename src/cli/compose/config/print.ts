import type { LoadOptions, Project } from "../../../compose/index.ts";
import { compose, projects, type Session } from "../session.ts";

/** What `config` was told. */
export interface ConfigFlags {
  readonly environment: boolean;
  readonly format: string;
  readonly hash: string;
  readonly images: boolean;
  readonly "lock-image-digests": boolean;
  readonly models: boolean;
  readonly networks: boolean;
  readonly "no-consistency": boolean;
  readonly "no-env-resolution": boolean;
  readonly "no-interpolate": boolean;
  readonly "no-normalize": boolean;
  readonly "no-path-resolution": boolean;
  readonly output: string;
  readonly profiles: boolean;
  readonly quiet: boolean;
  readonly "resolve-image-digests": boolean;
  readonly services: boolean;
  readonly variables: boolean;
  readonly volumes: boolean;
}

/** Prints the part of the configuration that is asked for, or all of it. */
export async function printConfig(
  session: Session,
  services: readonly string[],
  flags: ConfigFlags,
): Promise<void> {
  const print = (text: string) => {
    if (!flags.quiet) session.cli.print(text);
  };
  const names = (list: Iterable<string>) => print([...list].map((name) => `${name}\n`).join(""));
  const unresolved = { ...loadOptions(session, flags), resolveEnvironment: false };

  if (flags.services) return names(await serviceNames(session, flags, unresolved));
  if (flags.volumes) return names(sorted((await session.load(unresolved)).volumes));
  if (flags.networks) return names(sorted((await session.load(unresolved)).networks));
  if (flags.models) return names(modelsOf(await session.load(unresolved)));
  if (flags.hash !== "") return names(await hashes(session, flags.hash, unresolved));
  if (flags.profiles) return names(profilesOf(await session.load({ ...unresolved, services })));
  if (flags.images) return names(await imagesOf(session, { ...unresolved, services }));
  if (flags.variables) return printVariables(session, services, flags, print);
  if (flags.environment) return names(environmentOf(await session.load({ ...unresolved, services })));

  const text = await render(session, services, flags);
  if (flags.output === "") print(text);
  else if (!flags.quiet) await Bun.write(flags.output, text);
}

function loadOptions(session: Session, flags: ConfigFlags): LoadOptions {
  return {
    resolveEnvironment: !flags["no-env-resolution"],
    resolvePaths: !flags["no-path-resolution"],
    normalize: !flags["no-normalize"] && !session.compatibility,
    checkConsistency: !flags["no-consistency"],
  };
}

async function render(session: Session, services: readonly string[], flags: ConfigFlags): Promise<string> {
  const format = flags.format || "yaml";
  if (format !== "yaml" && format !== "json") throw new Error(`unsupported format ${JSON.stringify(format)}`);
  const { loadUninterpolated, renderProject, renderUninterpolated } = await projects();
  const options = loadOptions(session, flags);
  const isLocked = flags["lock-image-digests"];
  const isResolved = isLocked || flags["resolve-image-digests"];
  const finish = async (project: Project) => {
    if (!isResolved) return project;
    const { lockedProject, withDigests } = await import("./digests.ts");
    const resolved = await withDigests(session, project);
    return isLocked ? lockedProject(resolved, (message) => session.warn(message)) : resolved;
  };
  if (flags["no-interpolate"]) {
    if (services.length > 0) {
      session.warn(
        "service filtering is not applied when --no-interpolate is set, the full model will be rendered",
      );
    }
    return renderUninterpolated(await finish(loadUninterpolated(session.loadOptions(options))), format);
  }
  return renderProject(await finish(await session.load({ ...options, services })), format);
}

const sorted = (table: Readonly<Record<string, unknown>>): string[] => Object.keys(table).sort();

/** Those that others depend on first. */
async function serviceNames(session: Session, flags: ConfigFlags, options: LoadOptions): Promise<string[]> {
  if (flags["no-interpolate"]) {
    const { loadUninterpolated } = await projects();
    const { services, disabled } = loadUninterpolated(session.loadOptions(options));
    return sorted({ ...services, ...disabled });
  }
  const { services } = await session.load(options);
  const seen = new Set<string>();
  const order: string[] = [];
  const visit = (name: string) => {
    if (seen.has(name) || !Object.hasOwn(services, name)) return;
    seen.add(name);
    for (const dependency of Object.keys(services[name]!.depends_on ?? {}).sort()) visit(dependency);
    order.push(name);
  };
  for (const name of sorted(services)) visit(name);
  return order;
}

async function hashes(session: Session, wanted: string, options: LoadOptions): Promise<string[]> {
  const [{ selectServices, serviceHash }, project] = await Promise.all([projects(), session.load(options)]);
  const names = wanted === "*" ? sorted(project.services) : wanted.split(",").sort();
  const { services } = selectServices(project, names, true);
  return names.map((name) => `${name} ${serviceHash(services[name]!)}`);
}

function modelsOf({ models }: Project): string[] {
  return sorted(models).flatMap((name) => (models[name]!.model ? [models[name]!.model] : []));
}

function profilesOf({ services, disabled }: Project): string[] {
  const all = [...Object.values(services), ...Object.values(disabled)];
  return [...new Set(all.flatMap(({ profiles }) => profiles ?? []))].sort();
}

async function imagesOf(session: Session, options: LoadOptions): Promise<string[]> {
  const [{ imageName }, { name: project, services }] = await Promise.all([compose(), session.load(options)]);
  return sorted(services).flatMap((name) => {
    const { image, pre_start: hooks = [] } = services[name]!;
    const further = hooks.flatMap((hook) => (hook.image && hook.image !== image ? [hook.image] : []));
    return [imageName(project, { name, ...(image !== undefined && { image }) }), ...new Set(further)];
  });
}

function environmentOf({ environment }: Project): string[] {
  return [...environment].map(([name, value]) => `${name}=${value}`).sort();
}

async function printVariables(
  session: Session,
  services: readonly string[],
  flags: ConfigFlags,
  print: (text: string) => void,
): Promise<void> {
  if (services.length > 0) {
    session.warn(
      "service filtering is not applied when --variables is set, variables from the full model will be rendered",
    );
  }
  const { loadUninterpolated } = await projects();
  const { renderVariables, variablesOf } = await import("./variables.ts");
  const project = loadUninterpolated(
    session.loadOptions({ ...loadOptions(session, flags), resolveEnvironment: false }),
  );
  print(renderVariables(variablesOf(project), flags.format));
}
