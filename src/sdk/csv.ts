/**
 * One record of comma-separated values, with Go's rules: a field in double quotes may hold commas, and two
 * quotes inside are one. @throws with the words of Go's `encoding/csv`.
 */
export function parseCsv(text: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const { field, next } = text[at] === '"' ? quoted(text, at) : bare(text, at);
    fields.push(field);
    if (next >= text.length) return fields;
    at = next + 1;
    if (at === text.length) return [...fields, ""];
  }
}

function bare(text: string, at: number): { field: string; next: number } {
  const comma = text.indexOf(",", at);
  const next = comma < 0 ? text.length : comma;
  const field = text.slice(at, next);
  const quote = field.indexOf('"');
  if (quote >= 0)
    throw new Error(`parse error on line 1, column ${at + quote + 1}: bare " in non-quoted-field`);
  return { field, next };
}

function quoted(text: string, at: number): { field: string; next: number } {
  let field = "";
  for (let next = at + 1; ; next++) {
    const quote = text.indexOf('"', next);
    if (quote < 0)
      throw new Error(
        `parse error on line 1, column ${text.length + 1}: extraneous or missing " in quoted-field`,
      );
    field += text.slice(next, quote);
    if (text[quote + 1] !== '"') {
      if (quote + 1 < text.length && text[quote + 1] !== ",") {
        throw new Error(
          `parse error on line 1, column ${quote + 1}: extraneous or missing " in quoted-field`,
        );
      }
      return { field, next: quote + 1 };
    }
    field += '"';
    next = quote + 1;
  }
}
