/**
 * Columns as Go's `text/tabwriter` aligns them, with the numbers that Docker's client uses: a column is a run
 * of neighbouring lines that have a cell there; it is as wide as its widest cell and three spaces, at least
 * ten. The last cell of a line belongs to no column.
 */
const PADDING = 3;

/** @param text lines with cells ended by tabs. */
export function alignColumns(text: string, minimumWidth = 10, padding = PADDING): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const out = lines.map(() => "");
  alignFrom(lines, out, 0, 0, lines.length, { minimum: minimumWidth, padding });
  return out.join("\n");
}

/** Lays out the lines `from`…`to` beginning with this column; runs of a column are laid out on their own. */
function alignFrom(
  lines: readonly string[][],
  out: string[],
  column: number,
  from: number,
  to: number,
  widths: { readonly minimum: number; readonly padding: number },
): void {
  const { minimum, padding } = widths;
  for (let at = from; at < to; ) {
    const cells = lines[at]!;
    if (column >= cells.length - 1) {
      out[at] += cells[column] ?? "";
      at++;
      continue;
    }
    let end = at;
    while (end < to && column < lines[end]!.length - 1) end++;
    const widest = Math.max(...lines.slice(at, end).map((line) => displayWidth(line[column]!)));
    const width = Math.max(minimum, widest + padding);
    for (let line = at; line < end; line++) {
      const cell = lines[line]![column]!;
      // A column of empty cells only takes no room.
      out[line] += cell + " ".repeat(widest === 0 ? minimum : width - displayWidth(cell));
    }
    alignFrom(lines, out, column + 1, at, end, widths);
    at = end;
  }
}

/** Columns on the screen: wide characters count twice. */
export function displayWidth(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : Bun.stringWidth(text);
}

/** Shortens a text to so many columns, the last of which is then `…`. */
export function ellipsis(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let shown = "";
  let width = 0;
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns - 1) break;
    shown += character;
  }
  return `${shown}…`;
}
