import { TemplateError } from "./errors.ts";

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "field"
  | "variable"
  | "word"
  | "string"
  | "number"
  | "char"
  | "dot"
  | "("
  | ")"
  | "|"
  | ":="
  | "="
  | ","
  | "space"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As written; for fields and variables with their `.` or `$`. */
  readonly text: string;
  /** Where it begins, in characters from the template's start. */
  readonly at: number;
}

/** Tokens of one character. */
const SIMPLE = "()|,=";
const SPACE = " \t\r\n";

/** Splits a template into texts and the tokens of its actions (Go's `text/template`, section Actions). */
export function lex(template: string, name: string): Token[] {
  return new Lexer(template, name).run();
}

class Lexer {
  readonly #source: string;
  readonly #name: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  /** The last action ended with ` -}}`. */
  #trimNext = false;

  constructor(source: string, name: string) {
    this.#source = source;
    this.#name = name;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) {
      const open = this.#source.indexOf("{{", this.#at);
      if (open < 0) break;
      this.#text(open, this.#source.startsWith("{{- ", open));
      if (!this.#comment()) this.#action();
    }
    this.#text(this.#source.length, false);
    this.#push("end", "", this.#source.length);
    return this.#tokens;
  }

  #text(to: number, trimEnd: boolean): void {
    let [from, end] = [this.#at, to];
    if (this.#trimNext) from = this.#skip(from, SPACE);
    if (trimEnd) while (end > from && SPACE.includes(this.#source[end - 1]!)) end--;
    if (end > from) this.#push("text", this.#source.slice(from, end), from);
    this.#trimNext = false;
    this.#at = to;
  }

  #comment(): boolean {
    const start = this.#at + (this.#source.startsWith("{{- ", this.#at) ? 4 : 2);
    if (!this.#source.startsWith("/*", start)) return false;
    const end = this.#source.indexOf("*/", start);
    if (end < 0) throw this.#error("unclosed comment");
    const close = this.#source.startsWith(" -}}", end + 2) ? " -}}" : "}}";
    if (!this.#source.startsWith(close, end + 2)) throw this.#error("comment ends before closing delimiter");
    this.#at = end + 2 + close.length;
    this.#trimNext = close.length > 2;
    return true;
  }

  #action(): void {
    this.#push("open", "{{", this.#at);
    this.#at += this.#source.startsWith("{{- ", this.#at) ? 3 : 2;
    for (;;) {
      const close = this.#closeLength();
      if (close > 0) {
        this.#push("close", "}}", this.#at);
        this.#at += close;
        this.#trimNext = close > 2;
        return;
      }
      if (this.#at >= this.#source.length) throw this.#error("unclosed action");
      const [kind, end] = this.#scan(this.#source[this.#at]!);
      this.#push(kind, this.#source.slice(this.#at, end), this.#at);
      this.#at = end;
    }
  }

  /** Length of the action's end where it stands here; a space and a dash before it trim the text behind. */
  #closeLength(): number {
    if (this.#source.startsWith("}}", this.#at)) return 2;
    return SPACE.includes(this.#source[this.#at] ?? "x") && this.#source.startsWith("-}}", this.#at + 1)
      ? 4
      : 0;
  }

  /** The kind of the token that begins here, and where it ends. */
  #scan(first: string): [TokenKind, number] {
    const next = this.#source[this.#at + 1] ?? "";
    if (SPACE.includes(first)) return ["space", this.#endOfSpace()];
    if (first === ":" && next === "=") return [":=", this.#at + 2];
    if (SIMPLE.includes(first)) return [first as TokenKind, this.#at + 1];
    if (first === '"') return ["string", this.#endOfQuote(first, "unterminated quoted string")];
    if (first === "'") return ["char", this.#endOfQuote(first, "unterminated character constant")];
    if (first === "`") return ["string", this.#endOfRaw()];
    if (isDigit(first) || ("+-.".includes(first) && (isDigit(next) || next === ".")))
      return ["number", this.#endOfNumber()];
    if (first === "$") return ["variable", this.#endOfName(this.#at + 1)];
    if (first === ".") {
      const end = this.#endOfName(this.#at + 1);
      return [end === this.#at + 1 ? "dot" : "field", end];
    }
    if (isLetter(first)) return ["word", this.#endOfName(this.#at)];
    throw this.#error(`unexpected ${JSON.stringify(first)} in command`);
  }

  /** Spaces, without the one that belongs to a trimming end. */
  #endOfSpace(): number {
    const end = this.#skip(this.#at, SPACE);
    return this.#source.startsWith("-}}", end) && end > this.#at + 1 ? end - 1 : end;
  }

  #endOfName(from: number): number {
    let end = from;
    while (
      end < this.#source.length &&
      (isLetter(this.#source[end]!) || (end > from && isDigit(this.#source[end]!)))
    )
      end++;
    return end;
  }

  #endOfQuote(mark: string, complaint: string): number {
    for (let at = this.#at + 1; at < this.#source.length && this.#source[at] !== "\n"; at++) {
      if (this.#source[at] === mark) return at + 1;
      if (this.#source[at] === "\\") at++;
    }
    throw this.#error(complaint);
  }

  #endOfRaw(): number {
    const end = this.#source.indexOf("`", this.#at + 1);
    if (end < 0) throw this.#error("unterminated raw quoted string");
    return end + 1;
  }

  #endOfNumber(): number {
    const text = /^[+-]?[\w.]*(?:(?<=[eE])[+-]\d+)?/.exec(this.#source.slice(this.#at))![0];
    if (!NUMBER.test(text)) throw this.#error(`bad number syntax: ${JSON.stringify(text)}`);
    return this.#at + text.length;
  }

  #skip(from: number, characters: string): number {
    let at = from;
    while (at < this.#source.length && characters.includes(this.#source[at]!)) at++;
    return at;
  }

  #push(kind: TokenKind, text: string, at: number): void {
    this.#tokens.push({ kind, text, at });
  }

  #error(message: string): TemplateError {
    const line = this.#source.slice(0, this.#at).split("\n").length;
    return new TemplateError(`template: ${this.#name}:${line}: ${message}`);
  }
}

const NUMBER = /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[bBoO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/;

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9";
}

/** Letters beyond ASCII are rare enough to be asked for by a slow pattern. */
function isLetter(character: string): boolean {
  const isAscii =
    (character >= "a" && character <= "z") || (character >= "A" && character <= "Z") || character === "_";
  return isAscii || (character > "\x7f" && /\p{L}/u.test(character));
}
