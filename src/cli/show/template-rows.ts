import { methods, Template } from "../template/index.ts";
import type { ListKind } from "./format.ts";

/** Rows and head of a list by a template. */
export function templateRows<T>(
  kind: ListKind<T>,
  source: string,
): { row: (item: T) => string; head: () => string } {
  const template = explained(() => new Template(source));
  const methodsOf = methods(kind.typeName, kind.fields);
  return {
    row: (item) => explained(() => template.execute(methodsOf(item))),
    head: () => tableHead(kind, template),
  };
}

/** The titles stand where the values will; where a template needs more than titles, there is no head. */
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

/** Failures of templates are introduced as Docker's client does. */
export function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`template parsing error: ${(error as Error).message}`, { cause: error });
  }
}
