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

const COMMENT = /^\{\{(- )?\/\*([\s\S]*?)\*\/( -)?\}\}/;
const NUMBER = /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[bBoO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/;
const SIMPLE: ReadonlySet<string> = new Set(["(", ")", "|", ",", "="]);

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
    let text = this.#source.slice(this.#at, to);
    if (this.#trimNext) text = text.replace(/^[ \t\r\n]+/, "");
    if (trimEnd) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") this.#push("text", text, this.#at);
    this.#trimNext = false;
    this.#at = to;
  }

  #comment(): boolean {
    const rest = this.#source.slice(this.#at);
    if (!/^\{\{(- )?\/\*/.test(rest)) return false;
    const match = COMMENT.exec(rest);
    if (match === null)
      throw this.#error(rest.includes("*/") ? "comment ends before closing delimiter" : "unclosed comment");
    this.#at += match[0].length;
    this.#trimNext = match[3] !== undefined;
    return true;
  }

  #action(): void {
    this.#push("open", "{{", this.#at);
    this.#at += this.#source.startsWith("{{- ", this.#at) ? 3 : 2;
    for (;;) {
      const rest = this.#source.slice(this.#at);
      const close = /^(?:[ \t\r\n]-)?\}\}/.exec(rest)?.[0];
      if (close !== undefined) {
        this.#push("close", "}}", this.#at);
        this.#at += close.length;
        this.#trimNext = close.length > 2;
        return;
      }
      this.#inside(rest);
    }
  }

  #inside(rest: string): void {
    if (rest === "") throw this.#error("unclosed action");
    const [kind, text] = this.#scan(rest);
    this.#push(kind, text, this.#at);
    this.#at += text.length;
  }

  /** The token that this text begins with. */
  #scan(rest: string): [TokenKind, string] {
    const space = /^[ \t\r\n]+?(?=[ \t\r\n]-\}\}|[^ \t\r\n]|$)/.exec(rest)?.[0];
    if (space !== undefined) return ["space", space];
    if (rest.startsWith(":=")) return [":=", ":="];
    const first = rest[0]!;
    if (SIMPLE.has(first)) return [first as TokenKind, first];
    if (first === '"')
      return ["string", this.#quoted(rest, /^"(?:[^"\\\n]|\\.)*"/, "unterminated quoted string")];
    if (first === "`") return ["string", this.#quoted(rest, /^`[^`]*`/, "unterminated raw quoted string")];
    if (first === "'")
      return ["char", this.#quoted(rest, /^'(?:[^'\\\n]|\\.)*'/, "unterminated character constant")];
    const number = NUMBER.exec(rest)?.[0];
    if (number !== undefined) return ["number", this.#number(rest, number)];
    const field = /^\.[\p{L}_][\p{L}\p{N}_]*/u.exec(rest)?.[0];
    if (field !== undefined) return ["field", field];
    if (first === ".") return ["dot", "."];
    const variable = /^\$(?:[\p{L}_][\p{L}\p{N}_]*)?/u.exec(rest)?.[0];
    if (variable !== undefined) return ["variable", variable];
    const word = /^[\p{L}_][\p{L}\p{N}_]*/u.exec(rest)?.[0];
    if (word !== undefined) return ["word", word];
    throw this.#error(`unexpected ${JSON.stringify(first)} in command`);
  }

  #quoted(rest: string, pattern: RegExp, complaint: string): string {
    const text = pattern.exec(rest)?.[0];
    if (text === undefined) throw this.#error(complaint);
    return text;
  }

  #number(rest: string, number: string): string {
    const more = /^[\p{L}\p{N}_.]*/u.exec(rest.slice(number.length))![0];
    if (more !== "") throw this.#error(`bad number syntax: ${JSON.stringify(number + more)}`);
    return number;
  }

  #push(kind: TokenKind, text: string, at: number): void {
    this.#tokens.push({ kind, text, at });
  }

  #error(message: string): TemplateError {
    const line = this.#source.slice(0, this.#at).split("\n").length;
    return new TemplateError(`template: ${this.#name}:${line}: ${message}`);
  }
}
