import { type Project, references } from "../../../compose/project/index.ts";
import { alignColumns } from "../../show/table.ts";

/** A variable that Compose files name. */
export interface Variable {
  readonly name: string;
  readonly defaultValue: string;
  /** What stands for it where it is set: `${NAME:+this}`. */
  readonly presenceValue: string;
  /** `${NAME:?why}` */
  readonly required: boolean;
}

/** Every variable that a project's files name, sorted; of several mentions, the first that says more than the name. */
export function variablesOf(project: Project): Variable[] {
  const found = new Map<string, Variable>();
  visit(project, (text) => {
    for (const { name, operator, operand } of references(text)) {
      const before = found.get(name);
      if (
        before !== undefined &&
        (before.required || before.defaultValue !== "" || before.presenceValue !== "")
      )
        continue;
      found.set(name, {
        name,
        defaultValue: operator.endsWith("-") ? operand : "",
        presenceValue: operator.endsWith("+") ? operand : "",
        required: operator.endsWith("?"),
      });
    }
  });
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As Docker Compose prints them. @throws for a format that there is not. */
export function renderVariables(variables: readonly Variable[], format: string): string {
  switch (format) {
    case "":
    case "table":
    case "pretty": {
      const rows = variables.map((one) =>
        [one.name, one.required, one.defaultValue, one.presenceValue].join("\t"),
      );
      return alignColumns(
        [["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"].join("\t"), ...rows, ""].join("\n"),
        20,
      );
    }
    case "json":
      return `${JSON.stringify(Object.fromEntries(variables.map((one) => [one.name, jsonOf(one)])), null, 4)}\n\n`;
    case "yaml":
      if (variables.length === 0) return "{}\n";
      return variables
        .map(
          ({ name, defaultValue, presenceValue, required }) =>
            `${name}:\n    name: ${name}\n    defaultvalue: ${yamlText(defaultValue)}\n    presencevalue: ${yamlText(presenceValue)}\n    required: ${required}\n`,
        )
        .join("");
    default:
      throw new Error(`format value ${JSON.stringify(format)} could not be parsed: parsing failed`);
  }
}

function jsonOf({ name, defaultValue, presenceValue, required }: Variable): object {
  return { Name: name, DefaultValue: defaultValue, PresenceValue: presenceValue, Required: required };
}

/** Bare where it can be taken for nothing but a text. */
function yamlText(text: string): string {
  const isBare =
    /^[A-Za-z][A-Za-z0-9_./-]*$/.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text);
  return isBare ? text : JSON.stringify(text);
}

/** Every text of the files' sections, and of their own `x-…` fields. */
function visit(
  { services, disabled, networks, volumes, secrets, configs, models, extensions }: Project,
  take: (text: string) => void,
): void {
  const walk = (value: unknown): void => {
    if (typeof value === "string") take(value);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
  };
  for (const part of [{ ...services, ...disabled }, networks, volumes, secrets, configs, models, extensions])
    walk(part);
}
