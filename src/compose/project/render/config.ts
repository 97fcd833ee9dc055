import { ProjectSchema } from "../../model/project.ts";
import { rulesOf, type TSchema } from "../../model/schema.ts";
import type { Project } from "../project.ts";
import { toJson } from "./json.ts";
import { byBytes, natural } from "./key-order.ts";
import { Presenter, type Shown } from "./shown.ts";
import { toYaml } from "./yaml.ts";

const SECTIONS = ["services", "networks", "volumes", "secrets", "configs", "models"] as const;

/**
 * The project as `docker compose config` prints it; every `$` doubled, so that it can be read again.
 */
export function renderProject(project: Project, format: "yaml" | "json"): string {
  const text = format === "yaml" ? toYaml(yamlProject(project)) : toJson(jsonProject(project), "  ");
  return text.replaceAll("$", "$$$$");
}

/** A project whose variables were left in: a `$` stays what it is, and all keys are sorted. */
export function renderUninterpolated(project: Project, format: "yaml" | "json"): string {
  const isYaml = format === "yaml";
  const sections = SECTIONS.filter(
    (section) => section === "services" || Object.keys(visible(project, section)).length > 0,
  );
  const whole = {
    ...project.extensions,
    ...(project.name !== "" && { name: project.name }),
    ...Object.fromEntries(sections.map((section) => [section, visible(project, section)])),
  };
  const shown = new Presenter(format, isYaml ? natural : byBytes).anything(whole);
  return isYaml ? toYaml(shown) : toJson(shown, "  ");
}

function sectionSchema(section: (typeof SECTIONS)[number]): TSchema {
  const rules = rulesOf(ProjectSchema);
  if (rules.kind !== "struct") throw new TypeError("a project is a mapping");
  return rules.properties[section]!;
}

function yamlProject(project: Project): Shown {
  const presenter = new Presenter("yaml", natural);
  const shown = new Map<string, Shown>(project.name === "" ? [] : [["name", project.name]]);
  for (const section of SECTIONS) {
    const table = visible(project, section);
    if (section === "services" || Object.keys(table).length > 0) {
      shown.set(section, presenter.show(table, sectionSchema(section)));
    }
  }
  presenter.extensions(project.extensions, shown);
  return shown;
}

function jsonProject(project: Project): Shown {
  const presenter = new Presenter("json", byBytes);
  const fields = new Map<string, Shown>([["name", project.name]]);
  for (const section of SECTIONS) {
    const table = visible(project, section);
    // Docker Compose's JSON has no models.
    if (section === "models") continue;
    if (section === "services" || Object.keys(table).length > 0) {
      fields.set(section, presenter.show(table, sectionSchema(section)));
    }
  }
  for (const [key, value] of Object.entries(project.extensions)) fields.set(key, presenter.anything(value));
  return new Map([...fields].sort(([a], [b]) => byBytes(a, b)));
}

/** Without what a variable held. */
function visible(project: Project, section: (typeof SECTIONS)[number]): object {
  if (section !== "configs") return project[section];
  const shown = Object.entries(project.configs).map(([name, config]) => {
    const { content, ...rest } = config;
    return [name, config.environment ? rest : config] as const;
  });
  return Object.fromEntries(shown);
}
