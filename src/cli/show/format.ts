import type { Cli } from "../cli.ts";
import type { MethodTable } from "../template/index.ts";
import { show } from "../template/values.ts";
import { isTerminal } from "../terminal/tty.ts";
import { isObeyed, visible } from "../text/visible.ts";
import { alignColumns } from "./table.ts";

/** A kind of list: its fields with their titles, and the table it is by default. */
export interface ListKind<T> {
  /** Go's name for the row type in Docker's client, which errors show. */
  readonly typeName: string;
  readonly fields: MethodTable<T>;
  readonly titles: Readonly<Record<string, string>>;
}

/**
 * The text of a list. On a terminal it obeys the format's control characters only, and shows those of names, labels and
 * commands. @throws Error `template parsing error: …`
 */
export async function renderList<T>(kind: ListKind<T>, format: string, items: readonly T[]): Promise<string> {
  const text = await render(kind, format, items);
  return isObeyed(text) && isTerminal(1) ? render(withVisibleFields(kind), format, items) : text;
}

function withVisibleFields<T>(kind: ListKind<T>): ListKind<T> {
  const shown = (value: unknown) => (typeof value === "string" ? visible(value) : value);
  const fields: Record<string, MethodTable<T>[string]> = {};
  for (const [name, field] of Object.entries(kind.fields)) {
    fields[name] =
      field.length > 1 ? (item, argument) => shown(field(item, argument)) : (item) => shown(field(item));
  }
  return { ...kind, fields };
}

async function render<T>(kind: ListKind<T>, format: string, items: readonly T[]): Promise<string> {
  if (format === "yaml") {
    const rows = await render(kind, "json", items);
    return (await import("./yaml.ts")).yamlOf(`[${rows.trim().replaceAll("\n", ",")}]`);
  }
  const isTable = format.startsWith("table");
  const source = isTable ? format.slice("table".length) : format === "json" ? "{{json .}}" : format;
  const { row, head } = await rowRenderer(kind, withEscapes(source));
  const lines = items.map((item) => `${row(item)}\n`).join("");
  return isTable ? alignColumns(`${head()}\n${lines}`) : lines;
}

/** People type `\t` and `\n` between single quotes. */
function withEscapes(source: string): string {
  return source
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n")
    .replace(/^ +| +$/g, "");
}

interface RowRenderer<T> {
  readonly row: (item: T) => string;
  readonly head: () => string;
}

/** Most formats only name fields: those need no language, and loading it would cost a list half its time. */
async function rowRenderer<T>(kind: ListKind<T>, source: string): Promise<RowRenderer<T>> {
  return plainRows(kind, source) ?? (await import("./template-rows.ts")).templateRows(kind, source);
}

/** For formats such as `{{.ID}}: {{.Names}}`; undefined where there is more to it. */
function plainRows<T>({ fields, titles }: ListKind<T>, source: string): RowRenderer<T> | undefined {
  const parts = source.split(/\{\{\.([A-Za-z]+)\}\}/);
  const isPlain = parts.every((part, index) =>
    index % 2 === 0 ? !part.includes("{{") : Object.hasOwn(fields, part) && fields[part]!.length <= 1,
  );
  if (!isPlain) return undefined;
  const fill = (value: (name: string) => unknown) =>
    parts.map((part, index) => (index % 2 === 0 ? part : textOf(value(part)))).join("");
  return {
    row: (item) => fill((name) => fields[name]!(item)),
    head: () => fill((name) => titles[name] ?? "<no value>"),
  };
}

function textOf(value: unknown): string {
  if (typeof value === "object" && value !== null) return show(value);
  return String(value ?? "<nil>");
}

export async function printList<T>(
  cli: Cli,
  kind: ListKind<T>,
  format: string,
  items: readonly T[],
): Promise<void> {
  cli.print(await renderList(kind, format, items));
}
