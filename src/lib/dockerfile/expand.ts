import { EngineError, invalidParameter } from "../errors.ts";
import { ExpansionBudget } from "./budget.ts";
import { ShellPattern, withoutPrefix, withoutSuffix, withReplaced } from "./pattern.ts";
import { isSpace, quote } from "./text.ts";

/** The character that keeps another one from being special, and that continues a line. */
export type EscapeCharacter = "\\" | "`";

/** Variables by name; a Map is one. */
export interface Variables {
  get(name: string): string | undefined;
  keys(): Iterable<string>;
}

export interface ExpandOptions {
  readonly escape?: EscapeCharacter;
  /** Quotes stay in the text. */
  readonly rawQuotes?: boolean;
  /** Escape characters stay in the text. */
  readonly rawEscapes?: boolean;
  /** Quotes are nothing special: for the contents of a here-document. */
  readonly plainQuotes?: boolean;
  /** A variable that is not set stays as it was written. */
  readonly keepUnset?: boolean;
  /** Shared by all the words of one Dockerfile. */
  readonly budget?: ExpansionBudget;
}

/** A word with its variables put in, and which variables those were. */
export interface Expansion {
  readonly text: string;
  readonly matched: ReadonlySet<string>;
  /** Names that were asked for but are not set. */
  readonly unmatched: ReadonlySet<string>;
}

/**
 * One word with quotes removed and variables put in, as BuildKit's `shell.Lex` does: single quotes keep everything, double
 * quotes keep all but `$` and the escape character, which keeps the character after it.
 * @throws InvalidParameter for a quote or brace that does not end, a modifier that there is not, or `${x:?message}`.
 */
export function expandWord(text: string, variables: Variables, options: ExpandOptions = {}): Expansion {
  const lexer = new Lexer(text, variables, options);
  return { text: lexer.run(), matched: lexer.matched, unmatched: lexer.unmatched };
}

/**
 * A text split into words at blanks, after the variables were put in: blanks that a variable brings separate words too,
 * those in quotes do not.
 * @throws as `expandWord()`.
 */
export function expandWords(text: string, variables: Variables, options: ExpandOptions = {}): string[] {
  const words = new WordList();
  new Lexer(text, variables, options).run(words);
  return words.end();
}

class WordList {
  readonly #words: string[] = [];
  #word = "";

  add(text: string): void {
    for (const character of text) {
      if (isSpace(character)) this.#finish();
      else this.#word += character;
    }
  }

  addWhole(text: string): void {
    this.#word += text;
  }

  end(): string[] {
    this.#finish();
    return this.#words;
  }

  #finish(): void {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
  }
}

/** `${a:-${b:-${c…`: nobody writes more, and the stack is not endless. */
const NESTING_MAX = 64;
const SPECIAL_PARAMETERS = "@*#?-$!";
const NAME_CHARACTER = /^[\p{L}\p{Nd}_]$/u;
const ORDINARY = /[^$'"<\\`}/]+/y;
const DIGIT = /^\p{Nd}$/u;

class Lexer {
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  readonly #text: string;
  readonly #variables: Variables;
  readonly #options: ExpandOptions;
  readonly #escape: string;
  readonly #budget: ExpansionBudget;
  #rawEscapes: boolean;
  #at = 0;
  #depth = 0;
  /** What variables have brought, put in or not. */
  #brought = 0;

  constructor(text: string, variables: Variables, options: ExpandOptions) {
    this.#text = text;
    this.#variables = variables;
    this.#options = options;
    this.#escape = options.escape ?? "\\";
    this.#rawEscapes = options.rawEscapes ?? false;
    this.#budget = options.budget ?? new ExpansionBudget();
  }

  run(words?: WordList): string {
    try {
      return this.#until("", words);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const shown = this.#text.length > 256 ? `${this.#text.slice(0, 256)}…` : this.#text;
      throw invalidParameter(`failed to process ${quote(shown)}: ${error.message}`);
    }
  }

  /** Reads on to the stop character, which is consumed, or to the end where there is none. */
  #until(stop: string, words?: WordList): string {
    let out = "";
    while (this.#at < this.#text.length) {
      const run = this.#ordinary();
      out += run;
      words?.add(run);
      const character = this.#peek();
      if (character === "") break;
      if (character === stop) {
        this.#at++;
        return out;
      }
      if (character === "$") {
        const value = this.#dollar();
        out += value;
        words?.add(value);
      } else if ((character === "'" || character === '"') && !this.#options.plainQuotes) {
        const value = character === "'" ? this.#singleQuoted() : this.#doubleQuoted();
        out += value;
        words?.addWhole(value);
      } else if (character === "<") {
        const value = this.#heredocMark();
        out += value;
        words?.addWhole(value);
      } else if (character === this.#escape) {
        const value = this.#escaped();
        out += value;
        words?.addWhole(value);
      } else {
        out += this.#next();
        words?.add(character);
      }
    }
    if (stop !== "") throw invalidParameter(`unexpected end of statement while looking for matching ${stop}`);
    return out;
  }

  /** Characters that mean nothing special anywhere. */
  #ordinary(): string {
    ORDINARY.lastIndex = this.#at;
    const run = ORDINARY.exec(this.#text)?.[0] ?? "";
    this.#at += run.length;
    return run;
  }

  /** An escape character at the very end is dropped. */
  #escaped(): string {
    const character = this.#next();
    return (this.#rawEscapes ? character : "") + (this.#at < this.#text.length ? this.#next() : "");
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) {
      throw invalidParameter("unexpected end of statement while looking for matching single-quote");
    }
    const quoted = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.rawQuotes ? `'${quoted}'` : quoted;
  }

  #doubleQuoted(): string {
    this.#at++;
    let out = "";
    for (;;) {
      const character = this.#peek();
      if (character === "") {
        throw invalidParameter("unexpected end of statement while looking for matching double-quote");
      }
      if (character === "$") {
        out += this.#dollar();
        continue;
      }
      this.#at += character.length;
      if (character === '"') return this.#options.rawQuotes ? `"${out}"` : out;
      out += character === this.#escape ? this.#escapedInQuotes() : character;
    }
  }

  /** Between double quotes only a quote, a dollar and the escape character itself can be escaped. */
  #escapedInQuotes(): string {
    const next = this.#peek();
    const kept = this.#rawEscapes ? this.#escape : "";
    if (next === "") return kept;
    if (next === '"' || next === "$" || next === this.#escape) return kept + this.#next();
    return kept + this.#escape;
  }

  /** `<<` takes the blanks after it along, so that `<< EOF` is one word. */
  #heredocMark(): string {
    const start = this.#at++;
    if (this.#peek() === "<") {
      this.#at++;
      while (/^[\t\r ]$/.test(this.#peek())) this.#at++;
    }
    return this.#text.slice(start, this.#at);
  }

  #dollar(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#name();
      if (name === "") return "$";
      const value = this.#valueOf(name);
      return value === undefined && this.#options.keepUnset ? `$${name}` : (value ?? "");
    }
    this.#at++;
    if (++this.#depth > NESTING_MAX) throw invalidParameter("substitutions are nested too deeply");
    const value = this.#braced();
    this.#depth--;
    return value;
  }

  #braced(): string {
    const first = this.#peek();
    if (first === "") throw missingBrace();
    if (first === "{" || first === "}" || first === ":") {
      throw invalidParameter("syntax error: bad substitution");
    }
    const name = this.#name();
    const modifier = this.#next();
    switch (modifier) {
      case "}": {
        const value = this.#valueOf(name);
        return value === undefined && this.#options.keepUnset ? `\${${name}}` : (value ?? "");
      }
      case ":":
        return this.#defaulted(name, `:${this.#next()}`);
      case "+":
      case "-":
      case "?":
        return this.#defaulted(name, modifier);
      case "#":
      case "%":
        return this.#trimmed(name, modifier);
      case "/":
        return this.#replaced(name);
      case "":
        throw missingBrace();
      default:
        throw unsupported(modifier);
    }
  }

  /** `${x:-word}`, `${x-word}`, `${x:+word}`, `${x+word}`, `${x:?word}` and `${x?word}`. */
  #defaulted(name: string, modifier: string): string {
    const kind = modifier.at(-1)!;
    if (kind === "#" || kind === "%") throw unsupported(modifier);
    const word = this.#nested("}", false);
    const value = this.#valueOf(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${modifier}${word}}`;
    const counts = value !== undefined && !(modifier.length > 1 && value === "");
    if (kind === "-") return counts ? value : word;
    if (kind === "+") return counts ? word : "";
    if (kind !== "?") throw unsupported(modifier);
    if (counts) return value;
    const fallback = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
    throw invalidParameter(`${name}: ${word === "" ? fallback : word}`);
  }

  /** `${x#pattern}`, `${x##pattern}`, `${x%pattern}` and `${x%%pattern}`. */
  #trimmed(name: string, modifier: "#" | "%"): string {
    const word = this.#nested("}", true);
    const value = this.#valueOf(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${modifier}${word}}`;
    const longest = word.startsWith(modifier);
    const pattern = ShellPattern.parse(longest ? word.slice(1) : word, this.#budget);
    const trim = modifier === "#" ? withoutPrefix : withoutSuffix;
    return trim(value ?? "", pattern, longest ? "longest" : "shortest");
  }

  /** `${x/pattern/text}` and `${x//pattern/text}`. */
  #replaced(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.#nested("/", true);
    const replacement = this.#nested("}", true);
    const value = this.#valueOf(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    const parsed = ShellPattern.parse(pattern, this.#budget);
    const replaced = withReplaced(value ?? "", parsed, replacement, all ? "all" : "first");
    this.#count(replaced.length);
    return replaced;
  }

  #nested(stop: "}" | "/", rawEscapes: boolean): string {
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    try {
      return this.#until(stop);
    } catch (error) {
      if (!(error instanceof EngineError) || this.#at < this.#text.length) throw error;
      throw stop === "}" ? missingBrace() : invalidParameter("syntax error: missing '/' in ${}");
    } finally {
      this.#rawEscapes = before;
    }
  }

  /** A name, a run of digits, or one of the shell's special parameters, none of which a Dockerfile ever sets. */
  #name(): string {
    const start = this.#at;
    const first = this.#peek();
    if (first !== "" && SPECIAL_PARAMETERS.includes(first)) return this.#next();
    const belongs = DIGIT.test(first) ? DIGIT : NAME_CHARACTER;
    while (belongs.test(this.#peek())) this.#next();
    return this.#text.slice(start, this.#at);
  }

  #valueOf(name: string): string | undefined {
    const value = this.#variables.get(name);
    if (value === undefined) this.unmatched.add(name);
    else {
      this.matched.add(name);
      this.#count(value.length);
    }
    return value;
  }

  #count(characters: number): void {
    this.#brought += characters;
    this.#budget.characters(characters, this.#brought);
  }

  /** The character here, or nothing at the end. */
  #peek(): string {
    const point = this.#text.codePointAt(this.#at);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  #next(): string {
    const character = this.#peek();
    this.#at += character.length;
    return character;
  }
}

const missingBrace = () => invalidParameter("syntax error: missing '}'");
const unsupported = (modifier: string) =>
  invalidParameter(`unsupported modifier (${modifier}) in substitution`);
