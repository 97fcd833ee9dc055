import { invalidParameter } from "../errors.ts";

/**
 * The fields of one line of comma-separated values, as Go's `encoding/csv` reads them: a field that holds a comma is put in
 * double quotes, and a double quote in it is doubled.
 * @throws InvalidParameter
 */
export function csvFields(text: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    const { field, end } = text[at] === '"' ? quotedField(text, at + 1) : plainField(text, at);
    fields.push(field);
    if (end >= text.length) return fields;
    at = end + 1;
  }
}

function plainField(text: string, start: number): { field: string; end: number } {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  const quote = field.indexOf('"');
  if (quote >= 0) throw csvError(start + quote, 'bare " in non-quoted field');
  return { field, end };
}

function quotedField(text: string, start: number): { field: string; end: number } {
  let field = "";
  for (let at = start; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw csvError(text.length, 'extraneous or missing " in quoted-field');
    field += text.slice(at, quote);
    const after = text[quote + 1];
    if (after === undefined || after === ",") return { field, end: quote + 1 };
    if (after !== '"') throw csvError(quote, 'extraneous or missing " in quoted-field');
    field += '"';
    at = quote + 2;
  }
}

const csvError = (column: number, reason: string) =>
  invalidParameter(`parse error on line 1, column ${column + 1}: ${reason}`);
