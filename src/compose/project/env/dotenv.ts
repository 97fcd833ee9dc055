import { invalidParameter } from "../../../lib/index.ts";
import { type Lookup, substitute } from "./template.ts";

/** UTF-16 units of one file. */
const LONGEST_ENV_FILE = 4 * 1024 * 1024;

const COMMENT_OR_BLANK = /[\s\u0085\uFEFF]*(?:#[^\n]*)?/y;
const EXPORT = /export[ \t\v\f\r]+/y;
/** Letters and digits of any script, as in Compose's own reader. */
const KEY = /[\p{L}\p{N}_.\-[\]]/u;
const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  $: "$$",
};

/**
 * Reads a `.env` or `env_file` text by Docker Compose's rules into `into`, later lines over earlier ones:
 * `KEY=value`, `KEY: value`, `export KEY=value`; a lone `KEY` takes its value from `lookup`, and is left out where
 * that has none. Values: 'as it stands', "with escapes and variables", bare with variables up to ` #`; quoted ones may
 * go over several lines. Variables come from `lookup`, then from what was read before.
 *
 * @throws InvalidParameter naming file and line.
 */
export function readDotenv(
  text: string,
  file: string,
  into: Map<string, string>,
  lookup: Lookup = () => undefined,
  onUnset?: (name: string) => void,
): void {
  if (text.length > LONGEST_ENV_FILE) throw invalidParameter(`failed to read ${file}: the file is too long`);
  new DotenvReader(text, file, into, lookup, onUnset).read();
}

class DotenvReader {
  readonly #text: string;
  readonly #file: string;
  readonly #into: Map<string, string>;
  readonly #lookup: Lookup;
  readonly #onUnset: ((name: string) => void) | undefined;
  #at = 0;

  constructor(
    text: string,
    file: string,
    into: Map<string, string>,
    lookup: Lookup,
    onUnset: ((name: string) => void) | undefined,
  ) {
    this.#text = text;
    this.#file = file;
    this.#into = into;
    this.#lookup = (name) => lookup(name) ?? into.get(name);
    this.#onUnset = onUnset;
  }

  read(): void {
    while (this.#skipBlank()) this.#statement();
  }

  /** Moves to the next statement; false at the end. */
  #skipBlank(): boolean {
    for (;;) {
      const before = this.#at;
      this.#skip(COMMENT_OR_BLANK);
      if (this.#at >= this.#text.length) return false;
      if (this.#at === before) return true;
    }
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }

  #statement(): void {
    this.#skip(EXPORT);
    const { key, inherited } = this.#key();
    if (/[ \t]/.test(key)) throw this.#fail("key cannot contain a space");
    if (inherited) {
      const value = this.#lookup(key);
      if (value !== undefined) this.#into.set(key, value);
      return;
    }
    while (isBlank(this.#text[this.#at])) this.#at++;
    this.#into.set(key, this.#value());
  }

  #key(): { key: string; inherited: boolean } {
    const start = this.#at;
    for (const char of iterate(this.#text, start)) {
      if (char === "=" || char === ":" || char === "\n") {
        const key = this.#text.slice(start, this.#at).trimEnd();
        this.#at++;
        return { key, inherited: char === "\n" };
      }
      if (!isBlank(char) && !KEY.test(char)) {
        const line = this.#text.slice(start).split("\n", 1)[0]!;
        throw this.#fail(
          `unexpected character ${JSON.stringify(char)} in variable name ${JSON.stringify(line)}`,
        );
      }
      this.#at += char.length;
    }
    return { key: this.#text.slice(start).trimEnd(), inherited: true };
  }

  #value(): string {
    const quote = this.#text[this.#at];
    if (quote !== "'" && quote !== '"') return this.#bareValue();
    const start = this.#at + 1;
    const end = this.#closingQuote(start, quote);
    const inside = this.#text.slice(start, end).replaceAll(`\\${quote}`, quote);
    const line = this.#line();
    this.#at = end + 1;
    return quote === "'" ? inside : this.#expand(unescaped(inside), line);
  }

  #bareValue(): string {
    const line = this.#line();
    const newline = this.#text.indexOf("\n", this.#at);
    const end = newline === -1 ? this.#text.length : newline;
    const [value = ""] = this.#text.slice(this.#at, end).split(" #", 1);
    this.#at = end + 1;
    return this.#expand(value.trimEnd(), line);
  }

  #closingQuote(start: number, quote: string): number {
    for (let at = start; at < this.#text.length; at++) {
      if (this.#text[at] === "\\") at++;
      else if (this.#text[at] === quote) return at;
    }
    throw this.#fail(`unterminated quoted value ${this.#text.slice(this.#at).split("\n", 1)[0]}`);
  }

  #expand(value: string, line: number): string {
    try {
      return substitute(value, this.#lookup, this.#onUnset);
    } catch (error) {
      throw this.#fail((error as Error).message, line);
    }
  }

  #line(): number {
    return this.#text.slice(0, this.#at).split("\n").length;
  }

  #fail(what: string, line = this.#line()): Error {
    return invalidParameter(`failed to read ${this.#file}: line ${line}: ${what}`);
  }
}

function* iterate(text: string, start: number): Generator<string> {
  for (let at = start; at < text.length; ) {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    yield char;
    at += char.length;
  }
}

const isBlank = (char: string | undefined): boolean =>
  char !== undefined && /[\t\v\f\r \u0085\u00A0]/.test(char);

/** `\n`, `\t`, … and `\0` with up to three octal digits; `\$` becomes `$$`, a dollar that names no variable. */
function unescaped(text: string): string {
  return text.replace(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (whole, letter: string | undefined, octal) => {
    if (letter !== undefined) return ESCAPES[letter] ?? whole;
    return /^[0-3][0-7]{2}$/.test(octal) ? String.fromCharCode(Number.parseInt(octal, 8)) : whole;
  });
}
