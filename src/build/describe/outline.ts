import type { ArgInstruction, LineRange } from "../../lib/dockerfile/index.ts";
import { withoutCredentials } from "../credentials.ts";
import type { BuildPlan, Dockerfile, PlannedStage } from "../dockerfile/index.ts";
import { isSecretName } from "../dockerfile/static-checks.ts";
import { descriptionOf, locationOf, sourceOf, withoutEmpty } from "./locations.ts";

/**
 * `--call=outline`: what a target can be given, in BuildKit's words (`frontend/subrequests/outline`): the arguments of the stages
 * that it needs, with the values that they would have, and the secrets, agents and caches of its steps.
 */
export function describeOutline(plan: BuildPlan, dockerfile: Dockerfile, text: string): unknown {
  const { target, stages } = plan;
  const from = target && dockerfile.stages[target.index]?.from;
  const name = from?.stage ?? "";
  return withoutEmpty({
    name,
    description: descriptionOf(name, from?.source.comments ?? []),
    args: argumentsOf(plan, dockerfile),
    ...mountsOf(stages),
    sources: [sourceOf(text)],
  });
}

interface Argument {
  readonly name: string;
  readonly value: string | undefined;
  readonly comments: readonly string[];
  readonly lines: LineRange;
}

function argumentsOf(plan: BuildPlan, dockerfile: Dockerfile): unknown[] {
  const { stages } = plan;
  const found = new Map<string, Argument>();
  const add = ({ args, source }: ArgInstruction, valueIn: (name: string) => string | undefined) => {
    for (const { name } of args) {
      if (!found.has(name)) {
        found.set(name, { name, value: valueIn(name), comments: source.comments, lines: source.lines });
      }
    }
  };
  const inFrom = stages.map(({ index }) => {
    const { base = "", platform = "" } = dockerfile.stages[index]?.from ?? {};
    return `${base} ${platform}`;
  });
  for (const { index, args } of stages) {
    const values = new Map(args.map(({ name, value }) => [name, value]));
    for (const instruction of dockerfile.stages[index]?.instructions ?? []) {
      if (instruction.name === "ARG") add(instruction, (name) => values.get(name));
    }
  }
  for (const global of dockerfile.globals) {
    const used = global.args.filter(({ name }) => inFrom.some((text) => names(text, name)));
    add({ ...global, args: used }, (name) => plan.globals.get(name));
  }
  return [...found.values()]
    .sort((one, other) => one.lines.start - other.lines.start)
    .map(({ name, value = "", comments, lines }) => ({
      name,
      ...withoutEmpty({
        description: descriptionOf(name, comments),
        value: isSecretName(name) ? "" : withoutCredentials(value),
      }),
      location: locationOf(lines),
    }));
}

/** Whether a variable stands in a text. */
function names(text: string, variable: string): boolean {
  const name = variable.replaceAll(/[^A-Za-z0-9_]/g, "\\$&");
  return new RegExp(`\\$(?:${name}(?![A-Za-z0-9_])|\\{${name}[^A-Za-z0-9_])`).test(text);
}

function mountsOf(stages: readonly PlannedStage[]) {
  const kinds = {
    secret: new Map<string, object>(),
    ssh: new Map<string, object>(),
    cache: new Map<string, object>(),
  };
  for (const { steps } of stages) {
    for (const step of steps) {
      if (step.kind !== "run") continue;
      const location = locationOf(step.lines);
      for (const mount of step.mounts) {
        if (mount.type === "cache" && !kinds.cache.has(mount.id))
          kinds.cache.set(mount.id, { ID: mount.id, location });
        if (mount.type !== "secret" && mount.type !== "ssh") continue;
        const known = kinds[mount.type].get(mount.id);
        if (known !== undefined && !mount.required) continue;
        kinds[mount.type].set(mount.id, {
          name: mount.id,
          ...withoutEmpty({ required: mount.required }),
          location,
        });
      }
    }
  }
  const { secret, ssh, cache } = kinds;
  return { secrets: [...secret.values()], ssh: [...ssh.values()], cache: [...cache.values()] };
}
