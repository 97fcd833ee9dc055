import { invalidParameter } from "../../lib/index.ts";

/** `*`: any text without a slash. */
const ANY = Symbol("*");
type Part = typeof ANY | ((character: string) => boolean);

/** Whether a path holds a wildcard that no backslash takes its meaning from. */
export function hasWildcards(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    const character = path[at]!;
    if (character === "\\") at++;
    else if (character === "*" || character === "?" || character === "[") return true;
  }
  return false;
}

/**
 * One component of a path's pattern, as Go's `filepath.Match` has it: `*`, `?`, `[a-z]`, `[^a]`, and a backslash that takes
 * the next character as it is. Matching takes time in proportion to the product of both lengths at most.
 */
export class Glob {
  readonly #parts: readonly Part[];

  /** @throws InvalidParameter `syntax error in pattern` */
  constructor(text: string) {
    this.#parts = parse([...text]);
  }

  matches(name: string): boolean {
    const characters = [...name];
    let part = 0;
    // Where to go on when what followed the last `*` does not fit: it takes one character more.
    let star = -1;
    let starAt = 0;
    for (let at = 0; at < characters.length; ) {
      const current = this.#parts[part];
      if (current === ANY) {
        star = part++;
        starAt = at;
      } else if (current?.(characters[at]!)) {
        part++;
        at++;
      } else if (star >= 0) {
        part = star + 1;
        at = ++starAt;
      } else return false;
    }
    while (this.#parts[part] === ANY) part++;
    return part === this.#parts.length;
  }
}

function parse(text: readonly string[]): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "*") {
      if (parts.at(-1) !== ANY) parts.push(ANY);
    } else if (character === "?") parts.push(() => true);
    else if (character === "[") {
      const { part, end } = parseClass(text, at + 1);
      parts.push(part);
      at = end;
    } else {
      const literal = character === "\\" ? text[++at] : character;
      if (literal === undefined) throw badPattern();
      parts.push((other) => other === literal);
    }
  }
  return parts;
}

const badPattern = () => invalidParameter("syntax error in pattern");

function parseClass(text: readonly string[], start: number): { part: Part; end: number } {
  let at = start;
  const negated = text[at] === "^";
  if (negated) at++;
  const ranges: (readonly [low: number, high: number])[] = [];
  const next = () => {
    const character = text[at++];
    if (character === undefined || character === "-" || character === "]") throw badPattern();
    const literal = character === "\\" ? text[at++] : character;
    if (literal === undefined) throw badPattern();
    return literal.codePointAt(0)!;
  };
  while (text[at] !== "]" || ranges.length === 0) {
    const low = next();
    if (text[at] === "-") {
      at++;
      ranges.push([low, next()]);
    } else ranges.push([low, low]);
  }
  const fits = (character: string) => {
    const code = character.codePointAt(0)!;
    return ranges.some(([low, high]) => low <= code && code <= high);
  };
  return { part: (character) => fits(character) !== negated, end: at };
}
