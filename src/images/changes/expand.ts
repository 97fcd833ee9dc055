import { invalidParameter } from "../../lib/index.ts";

/**
 * One word of a Dockerfile instruction, with quotes removed and variables put in, as Docker's builder does:
 * single quotes keep everything, double quotes keep all but `$` and `\`, a backslash keeps the next character.
 * @throws InvalidParameter for a quote or brace that does not end, or a modifier that Docker does not have.
 */
export function expandWord(word: string, variables: ReadonlyMap<string, string>): string {
  return new Expansion(word, variables).whole();
}

/** Linux gives no process a longer word (MAX_ARG_STRLEN); and a few lines that double each other fill any memory. */
const LONGEST_WORD = 128 * 1024;

class Expansion {
  readonly #text: string;
  readonly #variables: ReadonlyMap<string, string>;
  #at = 0;
  /** What variables have brought, put in or not. */
  #brought = 0;

  constructor(text: string, variables: ReadonlyMap<string, string>) {
    this.#text = text;
    this.#variables = variables;
  }

  whole(): string {
    const expanded = this.#until("");
    return expanded;
  }

  /** Expands up to one of the stop characters, which stays unread, or the end. */
  #until(stops: string): string {
    let out = "";
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (stops.includes(character) && stops !== "") return out;
      this.#at++;
      if (character === "'") out += this.#singleQuoted();
      else if (character === '"') out += this.#doubleQuoted();
      else if (character === "$") out += this.#variable();
      else if (character === "\\") out += this.#text[this.#at++] ?? "";
      else out += character;
    }
    return out;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0)
      throw invalidParameter("unexpected end of statement while looking for matching single-quote");
    const quoted = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return quoted;
  }

  #doubleQuoted(): string {
    let out = "";
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined) {
        throw invalidParameter("unexpected end of statement while looking for matching double-quote");
      }
      if (character === '"') return out;
      if (character === "$") out += this.#variable();
      else if (character === "\\") {
        const next = this.#text[this.#at++];
        if (next === undefined) continue;
        out += next === '"' || next === "$" || next === "\\" ? next : `\\${next}`;
      } else out += character;
    }
  }

  #variable(): string {
    if (this.#text[this.#at] === "{") {
      this.#at++;
      return this.#braced();
    }
    const name = this.#name();
    return name === "" ? "$" : (this.#valueOf(name) ?? "");
  }

  #valueOf(name: string): string | undefined {
    const value = this.#variables.get(name);
    this.#brought += value?.length ?? 0;
    if (this.#brought > LONGEST_WORD) {
      throw invalidParameter(`a word with its variables put in is longer than ${LONGEST_WORD} characters`);
    }
    return value;
  }

  #name(): string {
    const match = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!])/.exec(
      this.#text.slice(this.#at, this.#at + 256),
    );
    if (match === null) return "";
    this.#at += match[0].length;
    return match[0];
  }

  #braced(): string {
    const name = this.#name();
    if (name === "") throw invalidParameter("syntax error: bad substitution");
    const value = this.#valueOf(name);
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return value ?? "";
    }
    const colon = this.#text[this.#at] === ":";
    if (colon) this.#at++;
    const modifier = this.#text[this.#at++];
    const word = this.#until("}");
    if (this.#text[this.#at++] !== "}") throw invalidParameter("syntax error: missing '}'");
    const isSet = value !== undefined && !(colon && value === "");
    if (modifier === "-") return isSet ? value : word;
    if (modifier === "+") return isSet ? word : "";
    if (modifier === "?") {
      if (isSet) return value;
      throw invalidParameter(`${name}: ${word === "" ? "parameter not set" : word}`);
    }
    throw invalidParameter(`unsupported modifier (${modifier ?? ""}) in substitution`);
  }
}

/** Splits at blanks that are neither quoted nor escaped; quotes and backslashes stay in the words. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      word += character + text[++at]!;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      word += character;
    } else if (character === " " || character === "\t") {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (character === '"' || character === "'") quote = character;
      word += character;
    }
  }
  if (word !== "") words.push(word);
  return words;
}
