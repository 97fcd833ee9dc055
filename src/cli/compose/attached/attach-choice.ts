import type { Project } from "../../../compose/index.ts";
import { ExitError } from "../../errors.ts";

/**
 * The services whose output is shown: those that were named, else all, but for those that say `attach: false`.
 * @throws where `--attach` names one that is not brought up.
 */
export function attachChoice(
  project: Project,
  named: readonly string[],
  flags: {
    readonly attach: readonly string[];
    readonly "attach-dependencies": boolean;
    readonly "no-attach": readonly string[];
  },
): ReadonlySet<string> {
  const { services } = project;
  const chosen = new Set<string>();
  if (flags.attach.length > 0) {
    const unknown = flags.attach.filter((name) => !Object.hasOwn(services, name));
    if (unknown.length > 0)
      throw new ExitError(1, `cannot attach to services not included in up: ${unknown.join(", ")}`);
    for (const name of flags.attach) chosen.add(name);
  } else {
    const start = named.length > 0 ? named : Object.keys(services);
    for (const name of flags["attach-dependencies"] ? withDependencies(project, start) : start) {
      if (services[name]?.attach !== false) chosen.add(name);
    }
  }
  for (const name of flags["no-attach"]) chosen.delete(name);
  return chosen;
}

function withDependencies({ services }: Project, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const rest = [...names];
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (found.has(name) || !Object.hasOwn(services, name)) continue;
    found.add(name);
    rest.push(...Object.keys(services[name]!.depends_on ?? {}));
  }
  return found;
}
