import type { EscapeCharacter } from "./expand.ts";
import { cutAtBlanks, isSpace, quote, splitAtBlanks, trimStart } from "./text.ts";
import { splitWords } from "./words.ts";

/** An instruction's arguments, split by the rules of its kind. */
export interface SplitArguments {
  readonly words: readonly string[];
  readonly json: boolean;
}

/** Arguments that can not be split, and the part that is wrong where that is known. */
export class ArgumentsError extends Error {
  readonly word: string | undefined;

  constructor(message: string, word?: string) {
    super(message);
    this.word = word;
  }
}

type Split = (rest: string, escaping: EscapeCharacter, keyword: string) => SplitArguments;

const SPLITS: Readonly<Record<string, Split>> = {
  ADD: jsonOrList,
  ARG: quotedWords,
  CMD: jsonOrText,
  COPY: jsonOrList,
  ENTRYPOINT: jsonOrText,
  ENV: pairs,
  EXPOSE: list,
  FROM: list,
  HEALTHCHECK: healthcheck,
  LABEL: pairs,
  MAINTAINER: text,
  RUN: jsonOrText,
  SHELL: jsonOrText,
  STOPSIGNAL: text,
  USER: text,
  VOLUME: jsonOrList,
  WORKDIR: text,
};

/** All instructions that there are. */
export const INSTRUCTION_NAMES: readonly string[] = [...Object.keys(SPLITS), "ONBUILD"].sort();

/**
 * Splits what follows an instruction's name and flags (BuildKit's `parser/line_parsers.go`). An instruction that there is
 * not has no arguments: it is refused later, by its name.
 * @throws ArgumentsError
 */
export function splitArguments(keyword: string, rest: string, escaping: EscapeCharacter): SplitArguments {
  const name = keyword.toUpperCase();
  return Object.hasOwn(SPLITS, name) ? SPLITS[name]!(rest, escaping, name) : { words: [], json: false };
}

const plain = (words: readonly string[]): SplitArguments => ({ words, json: false });

function text(rest: string): SplitArguments {
  return plain(rest === "" ? [] : [rest]);
}

function list(rest: string): SplitArguments {
  return plain(rest === "" ? [] : splitAtBlanks(rest));
}

function quotedWords(rest: string, escaping: EscapeCharacter): SplitArguments {
  return plain(splitWords(rest, escaping));
}

function jsonOrText(rest: string): SplitArguments {
  return parseJsonForm(rest) ?? text(rest);
}

function jsonOrList(rest: string): SplitArguments {
  return parseJsonForm(rest) ?? list(rest);
}

/**
 * A JSON list of strings. What is no JSON at all is the shell form, as people write `[ -f x ] && …`; a list of other
 * things is a mistake.
 */
function parseJsonForm(rest: string): SplitArguments | undefined {
  const json = trimStart(rest);
  if (!json.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === "string")) {
    throw new ArgumentsError("when using JSON array syntax, arrays must be comprised of strings only");
  }
  return { words: value.map((item) => item.toWellFormed()), json: true };
}

/** `CMD` or `NONE`, and a command. */
function healthcheck(rest: string): SplitArguments {
  let end = 0;
  while (end < rest.length && !isSpace(rest[end]!)) end++;
  if (end === 0) return plain([]);
  const command = jsonOrText(trimStart(rest.slice(end)));
  return { words: [rest.slice(0, end), ...command.words], json: command.json };
}

/** `name=value …`, or the old form `name value`, which is told by the first word's lack of an `=`. */
function pairs(rest: string, escaping: EscapeCharacter, keyword: string): SplitArguments {
  const words = splitWords(rest, escaping);
  if (words.length === 0) return plain([]);
  if (!words[0]!.includes("=")) {
    const [name, value] = cutAtBlanks(rest);
    if (value === undefined) throw new ArgumentsError(`${keyword} must have two arguments`, words[0]);
    return plain([name, value, ""]);
  }
  return plain(words.flatMap(pair));
}

function pair(word: string): [name: string, value: string, separator: string] {
  const equals = word.indexOf("=");
  if (equals < 0) {
    throw new ArgumentsError(
      `Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`,
      word,
    );
  }
  return [word.slice(0, equals), word.slice(equals + 1), "="];
}
