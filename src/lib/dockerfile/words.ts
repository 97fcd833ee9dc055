import type { EscapeCharacter } from "./expand.ts";
import { isSpace } from "./text.ts";

/**
 * Splits at blanks that are neither quoted nor escaped; quotes and escapes stay in the words. What follows an escape
 * character belongs to the word, and an escape at the very end is dropped (BuildKit's `parseWords`).
 */
export function splitWords(text: string, escaping: EscapeCharacter): string[] {
  const words: string[] = [];
  let word = "";
  let quoted = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === escaping && quoted !== "'") {
      if (at + 1 < text.length) word += character + text[++at]!;
    } else if (quoted !== "") {
      word += character;
      if (character === quoted) quoted = "";
    } else if (isSpace(character)) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      word += character;
      if (character === "'" || character === '"') quoted = character;
    }
  }
  if (word !== "") words.push(word);
  return words;
}

/** A `--flag` as written, without quotes and escapes, and where it begins. */
export interface FlagWord {
  readonly text: string;
  readonly offset: number;
}

/** Flags in front of an instruction's arguments, and where the arguments begin. */
export interface SplitFlags {
  readonly flags: readonly FlagWord[];
  readonly rest: number;
}

/**
 * Reads words that begin with `--` up to the first that does not, or to `--` itself, which is left out (BuildKit's
 * `extractBuilderFlags`).
 */
export function splitFlags(text: string, escaping: EscapeCharacter): SplitFlags {
  const flags: FlagWord[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++;
    if (!text.startsWith("--", at)) return { flags, rest: at };
    const offset = at;
    const word = readFlag(text, at, escaping);
    at = word.end;
    if (word.text === "--") return { flags, rest: at };
    flags.push({ text: word.text, offset });
  }
}

function readFlag(text: string, start: number, escaping: EscapeCharacter): { text: string; end: number } {
  let word = "";
  let quoted = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (quoted === "" && isSpace(character)) break;
    if (character === quoted) quoted = "";
    else if (quoted === "" && (character === "'" || character === '"')) quoted = character;
    else if (character === escaping) word += text[++at] ?? "";
    else word += character;
  }
  return { text: word, end: Math.min(at, text.length) };
}
