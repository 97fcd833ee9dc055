import type { Cli } from "./cli.ts";
import { alignColumns } from "./table.ts";
import { type MethodTable, methods, Template } from "./template/index.ts";

/** What `--format` says of itself, for the commands that list things. */
export const FORMAT_HELP =
  "How to print: 'table', 'table TEMPLATE', 'json', or a Go template such as '{{.ID}}'";

/** What `--format` says of itself, for the commands that show one thing. */
export const SHOW_FORMAT_HELP = "How to print: 'json', or a Go template such as '{{.ID}}'";

/** A kind of list: its fields with their titles, and the table it is by default. */
export interface ListKind<T> {
  /** Go's name for the row type in Docker's client, which errors show. */
  readonly typeName: string;
  readonly fields: MethodTable<T>;
  readonly titles: Readonly<Record<string, string>>;
}

/** How a list shall be printed. */
export interface ListFormat {
  readonly template: Template;
  readonly isTable: boolean;
}

/** Reads `--format`. @throws Error `template parsing error: …` */
export function listFormat(format: string): ListFormat {
  const isTable = format.startsWith("table");
  const source = isTable ? format.slice("table".length) : format === "json" ? "{{json .}}" : format;
  return { template: parse(withEscapes(source)), isTable };
}

function parse(source: string): Template {
  return explained(() => new Template(source));
}

/** People type `\t` and `\n` between single quotes. */
function withEscapes(source: string): string {
  return source
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n")
    .replace(/^ +| +$/g, "");
}

/** The text of a list. */
export function renderList<T>(kind: ListKind<T>, format: string, items: readonly T[]): string {
  const { template, isTable } = listFormat(format);
  const row = methods(kind.typeName, kind.fields);
  const lines = explained(() => items.map((item) => `${template.execute(row(item))}\n`).join(""));
  if (!isTable) return lines;
  return alignColumns(`${tableHead(kind, template)}\n${lines}`);
}

/** The titles stand where the values will; where a template needs more than titles, what came out stays. */
function tableHead<T>(kind: ListKind<T>, template: Template): string {
  const label = (_: null, name = "") => titleOfLabel(name);
  const titles = Object.entries(kind.titles).map(([name, title]): [string, () => string] => [
    name,
    () => title,
  ]);
  const head = methods<null>("formatter.SubHeaderContext", { Label: label, ...Object.fromEntries(titles) });
  try {
    return template.executeHeader(head(null));
  } catch {
    return "";
  }
}

/** `com.example.build-date` is headed `build date`. */
function titleOfLabel(name: string): string {
  return (name.split(".").at(-1) ?? "").replaceAll(/[-_]/g, " ");
}

export function printList<T>(cli: Cli, kind: ListKind<T>, format: string, items: readonly T[]): void {
  cli.print(renderList(kind, format, items));
}

/** Failures of templates are introduced as Docker's client does. */
export function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`template parsing error: ${(error as Error).message}`, { cause: error });
  }
}
