import { invalidParameter } from "../errors.ts";

const PATTERN_LENGTH_MAX = 4096;

/** `*`: anything within a name. */
const NAME = Symbol("*");
/** `**` at an end of the pattern: anything, slashes included. */
const ANYTHING = Symbol("**");
/** `**` anywhere else, with the slash after it: nothing, or folders with their slash. It is two parts, this and `INSIDE`. */
const FOLDERS = Symbol("(**/)?");
const INSIDE = Symbol("**/");

type Part =
  | string
  | typeof NAME
  | typeof ANYTHING
  | typeof FOLDERS
  | typeof INSIDE
  | ((character: string) => boolean);

/**
 * One pattern of an ignore file: `*` and `?` stop at slashes, `**` does not, `[a-z]` and `[^a]` are one character, a
 * backslash takes the next as it is (moby/patternmatcher). Matching simulates all ways at once, in time proportional to both
 * lengths: no pattern is slow.
 */
export class IgnorePattern {
  /** The text itself where nothing in it is special. */
  readonly literal: string | undefined;
  readonly #parts: readonly Part[];
  readonly #start: readonly number[];

  /** @param text a clean path. @throws InvalidParameter `syntax error in pattern` */
  constructor(text: string) {
    if (text.length > PATTERN_LENGTH_MAX) throw badPattern();
    this.#parts = parse([...text]);
    this.#start = this.#closure([0]);
    const isLiteral = this.#parts.every((part) => typeof part === "string");
    this.literal = isLiteral ? this.#parts.join("") : undefined;
  }

  /** Whether the pattern fits the whole of a path. */
  matches(path: string): boolean {
    if (this.literal !== undefined) return path === this.literal;
    let states: readonly number[] = this.#start;
    for (const character of path) {
      const next: number[] = [];
      for (const state of states) this.#step(state, character, next);
      if (next.length === 0) return false;
      states = this.#closure(next);
    }
    return states.includes(this.#parts.length);
  }

  #step(state: number, character: string, next: number[]): void {
    const part = this.#parts[state];
    if (typeof part === "string") {
      if (part === character) add(next, state + 1);
    } else if (typeof part === "function") {
      if (part(character)) add(next, state + 1);
    } else if (part === NAME) {
      if (character !== "/") add(next, state);
    } else if (part === ANYTHING) {
      add(next, state);
    } else if (part === INSIDE) {
      add(next, state);
      if (character === "/") add(next, state + 1);
    }
  }

  /** Passes over whatever may match nothing. The list grows while it is read. */
  #closure(states: number[]): number[] {
    for (const state of states) {
      const part = this.#parts[state];
      if (part === NAME || part === ANYTHING || part === FOLDERS) add(states, state + 1);
      if (part === FOLDERS) add(states, state + 2);
    }
    return states;
  }
}

function add(states: number[], state: number): void {
  if (!states.includes(state)) states.push(state);
}

const badPattern = () => invalidParameter("syntax error in pattern");

function parse(text: readonly string[]): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "*" && text[at + 1] === "*") {
      const slash = text[at + 2] === "/" ? 1 : 0;
      const atStart = at === 0 && slash === 0;
      at += 1 + slash;
      const isEnd = at + 1 >= text.length;
      // `**name`, where nothing else is special, is every path that ends so.
      if (isEnd || (atStart && !text.slice(at + 1).some((other) => "*?[]\\".includes(other)))) {
        parts.push(ANYTHING);
      } else parts.push(FOLDERS, INSIDE);
    } else if (character === "*") parts.push(NAME);
    else if (character === "?") parts.push((other) => other !== "/");
    else if (character === "[") {
      const { part, end } = parseClass(text, at + 1);
      parts.push(part);
      at = end;
    } else if (character === "\\") parts.push(escaped(text, ++at));
    else parts.push(character);
  }
  return parts;
}

function escaped(text: readonly string[], at: number): string {
  const character = text[at];
  if (character === undefined) throw badPattern();
  return character;
}

/** `a-z]` after its `[`, as Go's `filepath.Match` takes it; unlike there it may fit a slash, as in moby/patternmatcher. */
function parseClass(text: readonly string[], start: number): { part: Part; end: number } {
  let at = start;
  const negated = text[at] === "^";
  if (negated) at++;
  const ranges: (readonly [low: string, high: string])[] = [];
  const next = () => {
    const character = text[at++];
    if (character === undefined || character === "-" || character === "]") throw badPattern();
    return character === "\\" ? escaped(text, at++) : character;
  };
  while (text[at] !== "]" || ranges.length === 0) {
    const low = next();
    if (text[at] !== "-") {
      ranges.push([low, low]);
      continue;
    }
    at++;
    ranges.push([low, next()]);
  }
  const inRanges = (other: string) => ranges.some(([low, high]) => low <= other && other <= high);
  return { part: (other) => inRanges(other) !== negated, end: at };
}
