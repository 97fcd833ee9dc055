import { invalidParameter } from "../lib/index.ts";

const PATTERN_LENGTH_MAX = 1024;

/**
 * Whether a pattern fits the whole of a text, by the rules of Go's `path.Match`: `*` and `?` stop at slashes, `[a-z]`
 * and `[^a]` are one character, a backslash takes the next as it is. In time proportional to both lengths.
 * @throws InvalidParameter `syntax error in pattern`
 */
export function globMatch(pattern: string, text: string): boolean {
  if (pattern.length > PATTERN_LENGTH_MAX) throw invalidParameter("syntax error in pattern");
  const parts = parsePattern(pattern);
  let reachable = new Set([0]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (part === "*") {
        for (let end = at; end <= text.length && (end === at || text[end - 1] !== "/"); end++) next.add(end);
      } else if (at < text.length && part(text[at]!)) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(text.length);
}

type Part = "*" | ((character: string) => boolean);

function parsePattern(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === "*") parts.push("*");
    else if (character === "?") parts.push((other) => other !== "/");
    else if (character === "[") {
      const { part, end } = parseClass(pattern, at + 1);
      parts.push(part);
      at = end;
    } else {
      const literal = character === "\\" ? escaped(pattern, ++at) : character;
      parts.push((other) => other === literal);
    }
  }
  return parts;
}

function escaped(pattern: string, at: number): string {
  const character = pattern[at];
  if (character === undefined) throw invalidParameter("syntax error in pattern");
  return character;
}

function parseClass(pattern: string, start: number): { part: Part; end: number } {
  let at = start;
  const negated = pattern[at] === "^";
  if (negated) at++;
  const ranges: [low: string, high: string][] = [];
  const next = () => {
    const character = pattern[at++];
    if (character === undefined || character === "-" || character === "]") {
      throw invalidParameter("syntax error in pattern");
    }
    return character === "\\" ? escaped(pattern, at++) : character;
  };
  while (pattern[at] !== "]" || ranges.length === 0) {
    const low = next();
    if (pattern[at] === "-") {
      at++;
      ranges.push([low, next()]);
    } else ranges.push([low, low]);
  }
  const inRanges = (other: string) => ranges.some(([low, high]) => low <= other && other <= high);
  return { part: (other) => other !== "/" && inRanges(other) !== negated, end: at };
}
