import { TemplateError } from "./errors.ts";
import { lex, type Token, type TokenKind } from "./lexer.ts";
import type { Command, Node, Operand, Pipe } from "./nodes.ts";

/** Nested actions deeper than this are refused: each level is a level of the evaluator's own stack. */
const DEPTH_MAX = 100;

/**
 * Parses a template in Go's language.
 * @param functions the names that may be called.
 * @throws TemplateError with the message that Go gives.
 */
export function parseTemplate(source: string, name: string, functions: ReadonlySet<string>): Node[] {
  return new Parser(source, name, functions).parse();
}

interface Block {
  readonly nodes: Node[];
  /** The word that ended the block. */
  readonly ended: "end" | "else";
}

class Parser {
  readonly #source: string;
  readonly #name: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #loops = 0;
  /** Variables that are known here; blocks forget their own. */
  #variables: string[] = ["$"];

  constructor(source: string, name: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#name = name;
    this.#functions = functions;
    this.#tokens = lex(source, name);
  }

  parse(): Node[] {
    const nodes: Node[] = [];
    while (this.#peek().kind !== "end") {
      const node = this.#node();
      if (node === "end" || node === "else") throw this.#error(`unexpected {{${node}}}`);
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  }

  /** A node, or the word that ends the block. Nothing: an action without output of its own. */
  #node(): Node | "end" | "else" | undefined {
    const token = this.#take();
    if (token.kind === "text") return { kind: "text", text: token.text };
    this.#skipSpace();
    const word = this.#peek();
    if (word.kind === "word") {
      switch (word.text) {
        case "if":
        case "with":
        case "range":
          this.#take();
          return this.#control(word.text);
        case "end":
          this.#take();
          this.#expectClose("end");
          return "end";
        case "else":
          this.#take();
          return "else";
        case "break":
        case "continue":
          this.#take();
          if (this.#loops === 0) throw this.#error(`{{${word.text}}} outside {{range}}`);
          this.#expectClose(word.text);
          return { kind: word.text };
        case "define":
        case "template":
        case "block":
          throw this.#error(`{{${word.text}}} is not supported here`);
      }
    }
    return { kind: "action", pipe: this.#pipe("command", "close") };
  }

  #control(kind: "if" | "with" | "range"): Node {
    if (++this.#depth > DEPTH_MAX) throw this.#error("nested too deeply");
    const known = this.#variables.length;
    const pipe = this.#pipe(kind, "close", kind === "range");
    if (kind === "range") this.#loops++;
    const body = this.#block();
    if (kind === "range") this.#loops--;
    const otherwise = body.ended === "else" ? this.#else(kind) : [];
    this.#variables.length = known;
    this.#depth--;
    return { kind, pipe, body: body.nodes, otherwise };
  }

  /** What follows `{{else`: another condition, or a block up to `{{end}}`. */
  #else(kind: "if" | "with" | "range"): Node[] {
    this.#skipSpace();
    const word = this.#peek();
    if (word.kind === "word" && word.text === kind && kind !== "range") {
      this.#take();
      return [this.#control(kind)];
    }
    this.#expectClose("else");
    const { nodes, ended } = this.#block();
    if (ended !== "end") throw this.#error("expected end; found {{else}}");
    return nodes;
  }

  #block(): Block {
    const nodes: Node[] = [];
    for (;;) {
      if (this.#peek().kind === "end") throw this.#error("unexpected EOF");
      const node = this.#node();
      if (node === "end" || node === "else") return { nodes, ended: node };
      if (node !== undefined) nodes.push(node);
    }
  }

  #pipe(context: string, until: TokenKind, inRange = false): Pipe {
    this.#skipSpace();
    const at = this.#peek().at;
    const { variables, assigns } = this.#declaration(inRange);
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#command(context));
      const token = this.#take();
      if (token.kind === until) break;
      if (token.kind !== "|") throw this.#unexpected(token, context);
      this.#skipSpace();
      const next = this.#peek();
      if (next.kind === until || next.kind === "|") throw this.#error(`missing value for ${context}`);
    }
    this.#checkCommands(commands, context);
    return { variables, assigns, commands, at };
  }

  #declaration(inRange: boolean): { variables: string[]; assigns: boolean } {
    const start = this.#next;
    const variables: string[] = [];
    while (this.#peek().kind === "variable") {
      variables.push(this.#take().text);
      this.#skipSpace();
      const { kind } = this.#peek();
      if (kind === ":=" || kind === "=") {
        this.#take();
        this.#skipSpace();
        if (variables.length > (inRange ? 2 : 1)) throw this.#error("too many declarations in command");
        if (kind === ":=") this.#variables.push(...variables);
        else for (const name of variables) this.#known(name);
        return { variables, assigns: kind === "=" };
      }
      if (kind !== "," || !inRange) break;
      this.#take();
      this.#skipSpace();
    }
    this.#next = start;
    return { variables: [], assigns: false };
  }

  #command(context: string): Command {
    this.#skipSpace();
    const at = this.#peek().at;
    const words: Operand[] = [];
    for (;;) {
      const operand = this.#operand();
      if (operand === undefined) break;
      words.push(operand);
      if (this.#peek().kind !== "space") break;
      this.#skipSpace();
    }
    if (words.length === 0) {
      const token = this.#peek();
      if (token.kind === "close" || token.kind === ")") throw this.#error(`missing value for ${context}`);
      throw this.#unexpected(token, context);
    }
    return { words, at };
  }

  #operand(): Operand | undefined {
    const term = this.#term();
    if (term === undefined) return undefined;
    const more: Token[] = [];
    while (this.#peek().kind === "field") more.push(this.#take());
    if (more.length === 0) return term;
    const names = more.map(({ text }) => text.slice(1));
    const at = more[0]!.at;
    switch (term.kind) {
      case "field":
      case "variable":
      case "pipe":
        return { ...term, names: [...term.names, ...names], at };
      case "dot":
      case "nil":
      case "constant":
        throw this.#error(
          `unexpected . after term ${JSON.stringify(term.kind === "constant" ? term.text : term.kind)}`,
        );
      case "function":
        throw this.#error(`unexpected . after term ${JSON.stringify(term.name)}`);
    }
  }

  #term(): Operand | undefined {
    const token = this.#peek();
    const { at, text } = token;
    switch (token.kind) {
      case "word":
        this.#take();
        if (text === "true" || text === "false")
          return { kind: "constant", value: text === "true", text, at };
        if (text === "nil") return { kind: "nil", at };
        if (!this.#functions.has(text)) throw this.#error(`function ${JSON.stringify(text)} not defined`);
        return { kind: "function", name: text, at };
      case "dot":
        this.#take();
        return { kind: "dot", at };
      case "field":
        this.#take();
        return { kind: "field", names: [text.slice(1)], at };
      case "variable":
        this.#take();
        this.#known(text);
        return { kind: "variable", name: text, names: [], at };
      case "string":
        this.#take();
        return { kind: "constant", value: this.#unquote(text), text, at };
      case "char":
        this.#take();
        return { kind: "constant", value: this.#unquote(text).codePointAt(0) ?? 0, text, at };
      case "number":
        this.#take();
        return { kind: "constant", value: parseNumber(text), text, at };
      case "(": {
        this.#take();
        if (++this.#depth > DEPTH_MAX) throw this.#error("nested too deeply");
        const pipe = this.#pipe("parenthesized pipeline", ")");
        this.#depth--;
        return { kind: "pipe", pipe, names: [], at };
      }
      default:
        return undefined;
    }
  }

  /** Only the first command of a pipeline may be a plain value. */
  #checkCommands(commands: readonly Command[], context: string): void {
    for (const [index, command] of commands.entries()) {
      const first = command.words[0]!;
      const isPlain = first.kind === "constant" || first.kind === "dot" || first.kind === "nil";
      if (index > 0 && isPlain) {
        throw this.#error(`non executable command in pipeline stage ${index + 1}`);
      }
      if (first.kind === "nil" && command.words.length === 1 && context === "command") {
        throw this.#error("nil is not a command");
      }
    }
  }

  #unquote(text: string): string {
    if (text.startsWith("`")) return text.slice(1, -1);
    return text
      .slice(1, -1)
      .replaceAll(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)/g, (_, code: string) => {
        const plain = ESCAPES[code];
        if (plain !== undefined) return plain;
        if (/^[uUx]/.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
        if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
        throw this.#error("invalid syntax");
      });
  }

  #known(name: string): void {
    if (!this.#variables.includes(name)) throw this.#error(`undefined variable ${JSON.stringify(name)}`);
  }

  #expectClose(context: string): void {
    this.#skipSpace();
    const token = this.#take();
    if (token.kind !== "close") throw this.#unexpected(token, context);
  }

  #skipSpace(): void {
    while (this.#peek().kind === "space") this.#next++;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#tokens[this.#tokens.length - 1]!;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #unexpected(token: Token, context: string): TemplateError {
    const what = token.kind === "end" ? "EOF" : token.kind === "close" ? '"}}"' : JSON.stringify(token.text);
    return this.#error(`unexpected ${what} in ${context}`);
  }

  #error(message: string): TemplateError {
    const at = this.#peek().at;
    const line = this.#source.slice(0, at).split("\n").length;
    return new TemplateError(`template: ${this.#name}:${line}: ${message}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

function parseNumber(text: string): number {
  const digits = text.replaceAll("_", "");
  const sign = digits.startsWith("-") ? -1 : 1;
  return sign * Number(digits.replace(/^[+-]/, ""));
}
