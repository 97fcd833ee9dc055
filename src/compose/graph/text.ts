import type { Project } from "../project/index.ts";
import { type DependencyFacts, factsOf, type ServiceFacts } from "./facts.ts";

/**
 * The application as text: services that nobody depends on, below each those that it depends on, with what they publish and
 * keep; then networks and volumes with who uses them. Ends with a line's end.
 */
export function graphText(project: Project): string {
  const services = new Map(factsOf(project).map((facts) => [facts.name, facts]));
  const needed = new Set(
    [...services.values()].flatMap(({ dependencies }) => dependencies.map((one) => one.service)),
  );
  const roots = [...services.values()].filter(({ name }) => !needed.has(name));
  const told = new Set<string>();
  const lines = [project.name];
  for (const [index, root] of roots.entries()) {
    tellService(lines, services, told, root, undefined, "", index === roots.length - 1);
  }
  lines.push(
    ...resourceLines("networks", project.networks, [...services.values()], ({ networks }) => networks),
  );
  lines.push(
    ...resourceLines("volumes", project.volumes, [...services.values()], (one) => namedVolumes(one)),
  );
  return `${lines.join("\n")}\n`;
}

function tellService(
  lines: string[],
  services: ReadonlyMap<string, ServiceFacts>,
  told: Set<string>,
  facts: ServiceFacts,
  edge: DependencyFacts | undefined,
  indent: string,
  last: boolean,
): void {
  const { name, image, scale, ports, volumes, networks, dependencies } = facts;
  const when = edge === undefined ? "" : ` [${edge.condition}${edge.required ? "" : ", optional"}]`;
  const again = told.has(name);
  const count = scale === 1 ? "" : ` ×${scale}`;
  lines.push(
    `${indent}${last ? "└── " : "├── "}${name}${count}${when}${again ? "  (see above)" : `  ${image}`}`,
  );
  if (again) return;
  told.add(name);
  const below = indent + (last ? "    " : "│   ");
  const detail = below + (dependencies.length > 0 ? "│   " : "    ");
  for (const [title, items] of [
    ["ports", ports],
    ["networks", networks],
    ["volumes", volumes],
  ] as const) {
    if (items.length > 0) lines.push(`${detail}${title.padEnd(9)} ${items.join(", ")}`);
  }
  for (const [index, dependency] of dependencies.entries()) {
    const isLast = index === dependencies.length - 1;
    tellService(lines, services, told, services.get(dependency.service)!, dependency, below, isLast);
  }
}

const namedVolumes = ({ volumes }: ServiceFacts): string[] => volumes.map((text) => text.split("→", 1)[0]!);

function resourceLines(
  title: string,
  table: Readonly<Record<string, { readonly name?: string; readonly external?: boolean }>>,
  services: readonly ServiceFacts[],
  of: (facts: ServiceFacts) => readonly string[],
): string[] {
  const keys = Object.keys(table).sort();
  if (keys.length === 0) return [];
  const rows = keys.map((key) => {
    const { name = key, external } = table[key]!;
    const users = services.filter((one) => of(one).includes(key)).map((one) => one.name);
    return [
      key,
      external === true ? `${name} (external)` : name,
      users.length === 0 ? "-" : users.join(", "),
    ];
  });
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const text = rows.map(
    ([key = "", name = "", users]) => `  ${key.padEnd(widths[0]!)}  ${name.padEnd(widths[1]!)}  ${users}`,
  );
  return ["", title, ...text];
}
