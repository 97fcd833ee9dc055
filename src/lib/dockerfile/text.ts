/** Lines of a Dockerfile, counted from one; the last one is part of the range. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const LEADING = new RegExp(`^${SPACE.source}+`);

/** Go's `unicode.IsSpace`, which is not quite `\s`. */
export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** Go's `strings.TrimLeftFunc(text, unicode.IsSpace)`. */
export function trimStart(text: string): string {
  return text.replace(LEADING, "");
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Go's `strings.TrimSpace`. */
export function trim(text: string): string {
  return trimEnd(trimStart(text));
}

/** A text in double quotes, as Go's `%q` prints it. */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/**
 * The blanks that separate an instruction from its arguments, and arguments of the plain forms from each other: a
 * narrower set than `unicode.IsSpace` (BuildKit's `reWhitespace`).
 */
const BLANKS = /[\t\v\f\r ]+/;

/** A text cut at its first blanks; the second part is undefined where there are none. */
export function cutAtBlanks(text: string): readonly [string, string | undefined] {
  const found = BLANKS.exec(text);
  if (found === null) return [text, undefined];
  return [text.slice(0, found.index), text.slice(found.index + found[0].length)];
}

export function splitAtBlanks(text: string): string[] {
  return text.split(BLANKS);
}
