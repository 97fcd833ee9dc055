import { NodeBuilder, type Pair } from "./builder.ts";
import type { Mark, Node } from "./node.ts";
import { plainScalar } from "./plain-scalar.ts";
import type { Source } from "./source.ts";

/** Thrown where the text is beyond what is read here: the library has the word, also on whether it is YAML at all. */
const BEYOND = new Error("beyond the quick reader");

/** Characters that this reader leaves to the library wherever they stand. */
const NOT_HERE = /[\t\r\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;
/** What it leaves to the library where a line begins with it. */
const NO_LINES = ["---", "...", "%"];
/** A key and its colon. */
const KEY = /([A-Za-z0-9_.$/<][A-Za-z0-9_.$/<@ +-]*?) *:(?=[ \n]|$)/y;
const QUOTED_KEY = /(?:"([^"\\\n]*)"|'([^'\n]*)') *:(?=[ \n]|$)/y;
const ANCHOR = /&([A-Za-z0-9_-]+)(?=[ \n]|$) */y;
const TAG = /!(reset|override)(?=[ \n]|$) */y;
const ALIAS = /\*([A-Za-z0-9_-]+)/y;
const REST_OF_LINE = /(?: +#[^\n]*| *)(?=\n|$)/y;
const PLAIN =
  /[^\s,[\]{}#&*!|>'"%@`?:-](?:[^\n#:]|:(?! |\n|$)|(?<! )#)*|[-:?](?![ \n]|$)(?:[^\n#:]|:(?! |\n|$)|(?<! )#)+/y;
const FLOW_PLAIN =
  /[^\s,[\]{}#&*!|>'"%@`?:-][^\n#:,[\]{}]*(?:[:#](?<! #)(?! |\n|$|,|\]|\})[^\n#:,[\]{}]*)*|-(?![ \n,\]}]|$)[^\n#:,[\]{}]+/y;
const DOUBLE = /"(?:[^"\\\n]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
const SINGLE = /'(?:[^'\n]|'')*'/y;
const LITERAL = /\|([-+]?)(?: +#[^\n]*| *)(?:\n|$)/y;
const DEEPEST = 60;

/**
 * Reads the YAML that Compose files are written in: block mappings and lists, scalars on one line, literal texts, flow
 * collections, comments, anchors, aliases, `!reset` and `!override`. One pass over the text, several times faster than
 * the library. `undefined`: the text holds something else, or is not YAML.
 *
 * @throws ComposeError for what is YAML and refused: a key that comes twice, an alias without anchor, too much of all.
 */
export function readQuickly(source: Source): Node[] | undefined {
  const { text } = source;
  if (NOT_HERE.test(text)) return undefined;
  if (NO_LINES.some((start) => text.startsWith(start) || text.includes(`\n${start}`))) return undefined;
  try {
    return [new QuickReader(source).read()];
  } catch (error) {
    if (error === BEYOND) return undefined;
    throw error;
  }
}

/** What stands before a value. */
interface Properties {
  readonly anchor?: string | undefined;
  readonly mark?: Mark | undefined;
}

const NO_PROPERTIES: Properties = {};

class QuickReader {
  readonly #text: string;
  readonly #build: NodeBuilder;
  #at = 0;
  /** Columns before the content at which the reader stands, when it stands at the beginning of a line's content. */
  #indent = 0;
  #depth = 0;
  /** The indent of the block collection that the value being read belongs to. */
  #parent = 0;

  constructor(source: Source) {
    this.#text = source.text;
    this.#build = new NodeBuilder(source);
  }

  read(): Node {
    if (!this.#nextLine()) throw BEYOND;
    if (this.#indent !== 0) throw BEYOND;
    const node = this.#block(0, {});
    if (this.#at < this.#text.length) throw BEYOND;
    return node;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }

  /** From a line's beginning to the next line that has content; false at the end. */
  #nextLine(): boolean {
    const text = this.#text;
    for (;;) {
      const start = this.#at;
      let at = start;
      while (text.charCodeAt(at) === 32) at++;
      const char = text[at];
      if (char === undefined) {
        this.#at = text.length;
        this.#indent = -1;
        return false;
      }
      if (char === "#") at = text.indexOf("\n", at);
      else if (char !== "\n") {
        this.#at = at;
        this.#indent = at - start;
        return true;
      }
      this.#at = at === -1 ? text.length : at + 1;
    }
  }

  /** The line holds nothing more: on to the next one. */
  #endLine(): void {
    if (!this.#isLineEnd() && this.#match(REST_OF_LINE) === undefined) throw BEYOND;
    this.#at++;
    this.#nextLine();
  }

  #isLineEnd(): boolean {
    return this.#text[this.#at] === "\n";
  }

  /** A collection whose first line begins here, at this indent. */
  #block(indent: number, properties: Properties): Node {
    if (++this.#depth > DEEPEST) throw BEYOND;
    const node = this.#isDash()
      ? this.#blockSequence(indent, properties)
      : this.#blockMapping(indent, properties);
    this.#depth--;
    return node;
  }

  #isDash(): boolean {
    const next = this.#text[this.#at + 1];
    return this.#text[this.#at] === "-" && (next === " " || next === "\n" || next === undefined);
  }

  #blockSequence(indent: number, { anchor, mark }: Properties): Node {
    const offset = this.#at;
    const items: Node[] = [];
    if (anchor !== undefined) this.#build.open(anchor);
    while (this.#indent === indent && this.#isDash()) {
      const dash = this.#at;
      this.#at++;
      while (this.#text[this.#at] === " ") this.#at++;
      const column = indent + (this.#at - dash);
      if (this.#isDash()) throw BEYOND;
      if (this.#isKey()) {
        this.#indent = column;
        items.push(this.#block(column, {}));
      } else {
        items.push(this.#value(indent, false));
      }
    }
    if (this.#indent > indent) throw BEYOND;
    const node = this.#build.sequence(items, offset, mark);
    if (anchor !== undefined) this.#build.close(anchor, node);
    return node;
  }

  #isKey(): boolean {
    const start = this.#at;
    const found = (this.#match(KEY) ?? this.#match(QUOTED_KEY)) !== undefined;
    this.#at = start;
    return found;
  }

  #blockMapping(indent: number, { anchor, mark }: Properties): Node {
    const offset = this.#at;
    const pairs: Pair[] = [];
    if (anchor !== undefined) this.#build.open(anchor);
    while (this.#indent === indent) {
      const pair = this.#key();
      while (this.#text[this.#at] === " ") this.#at++;
      pairs.push({ ...pair, value: this.#value(indent, true) });
    }
    if (this.#indent > indent) throw BEYOND;
    const node = this.#build.mapping(pairs, offset, mark);
    if (anchor !== undefined) this.#build.close(anchor, node);
    return node;
  }

  #key(): Omit<Pair, "value"> {
    const at = this.#build.at(this.#at);
    const plain = this.#match(KEY)?.[1];
    const quoted = plain === undefined ? this.#match(QUOTED_KEY) : undefined;
    const key = plain ?? quoted?.[1] ?? quoted?.[2];
    if (key === undefined) throw BEYOND;
    if (plain !== undefined && typeof plainScalar(plain) !== "string") throw BEYOND;
    return { key, plain: plain !== undefined, at };
  }

  #properties(): Properties {
    const first = this.#text[this.#at];
    if (first !== "&" && first !== "!") return NO_PROPERTIES;
    const anchor = this.#match(ANCHOR)?.[1];
    const mark = this.#match(TAG)?.[1] as Mark | undefined;
    if (this.#text[this.#at] === "&" || this.#text[this.#at] === "!") throw BEYOND;
    return { anchor, mark };
  }

  /** What stands behind a key or a dash, up to the beginning of the next content. */
  #value(parent: number, ofMapping: boolean): Node {
    this.#parent = parent;
    const properties = this.#properties();
    const { anchor, mark } = properties;
    if (mark === "reset") return this.#reset(parent);
    const start = this.#at;
    if (this.#isNothingMore()) {
      this.#at++;
      this.#nextLine();
      const nested = this.#indent > parent || (ofMapping && this.#indent === parent && this.#isDash());
      return nested && this.#indent >= 0
        ? this.#nested(properties)
        : this.#closed(this.#build.nothing(start, mark), anchor);
    }
    if (this.#text[start] === "|") return this.#closed(this.#literal(parent, start, mark), anchor);
    if (anchor !== undefined) this.#build.open(anchor);
    const node = this.#inline(mark, false);
    this.#endLine();
    // A deeper line behind a scalar goes on with it.
    if (this.#indent > parent) throw BEYOND;
    return this.#closed(node, anchor);
  }

  /** Goes to the line's end where nothing but a comment stands before it. */
  #isNothingMore(): boolean {
    const next = this.#text[this.#at];
    if (next !== undefined && next !== " " && next !== "#" && next !== "\n") return false;
    return this.#match(REST_OF_LINE) !== undefined;
  }

  #nested(properties: Properties): Node {
    if (!this.#isDash() && !this.#isKey()) throw BEYOND;
    return this.#block(this.#indent, properties);
  }

  #closed(node: Node, anchor: string | undefined): Node {
    if (anchor !== undefined) this.#build.close(anchor, node);
    return node;
  }

  /** What is taken away is not looked at, if it is on the same line. */
  #reset(parent: number): Node {
    const start = this.#at;
    if (this.#match(REST_OF_LINE) === undefined) this.#inline(undefined, false);
    else this.#at = start;
    this.#endLine();
    if (this.#indent > parent || (this.#indent === parent && this.#isDash())) throw BEYOND;
    return this.#build.nothing(start, "reset");
  }

  #inline(mark: Mark | undefined, flow: boolean): Node {
    const start = this.#at;
    switch (this.#text[start]) {
      case "[":
        return this.#flowSequence(mark);
      case "{":
        return this.#flowMapping(mark);
      case "*": {
        const name = this.#match(ALIAS)?.[1];
        if (name === undefined || mark !== undefined) throw BEYOND;
        return this.#build.alias(name, start);
      }
      case '"':
      case "'":
        return this.#build.text(this.#quoted(), start, mark);
      default: {
        const text = this.#match(flow ? FLOW_PLAIN : PLAIN)?.[0].trimEnd();
        if (text === undefined) throw BEYOND;
        this.#at = start + text.length;
        return this.#build.plain(text, start, mark);
      }
    }
  }

  #quoted(): string {
    const double = this.#match(DOUBLE)?.[0];
    if (double !== undefined)
      return double.includes("\\") ? (JSON.parse(double) as string) : double.slice(1, -1);
    const single = this.#match(SINGLE)?.[0];
    if (single === undefined) throw BEYOND;
    return single.slice(1, -1).replaceAll("''", "'");
  }

  #literal(parent: number, start: number, mark: Mark | undefined): Node {
    const chomping = this.#match(LITERAL)?.[1];
    if (chomping === undefined) throw BEYOND;
    const lines: string[] = [];
    let indent = -1;
    while (this.#at < this.#text.length) {
      const newline = this.#text.indexOf("\n", this.#at);
      const end = newline === -1 ? this.#text.length : newline;
      const line = this.#text.slice(this.#at, end);
      const own = line.search(/[^ ]/);
      if (own !== -1 && own <= parent) break;
      if (own === -1 && (indent === -1 ? line.length > 0 : line.length > indent)) throw BEYOND;
      if (own !== -1 && indent === -1) indent = own;
      if (own !== -1 && own < indent) throw BEYOND;
      lines.push(own === -1 ? "" : line.slice(indent));
      this.#at = Math.min(end + 1, this.#text.length);
      if (newline === -1 && chomping !== "-") throw BEYOND;
    }
    if (indent === -1) throw BEYOND;
    const whole = `${lines.join("\n")}\n`;
    const text = chomping === "+" ? whole : whole.replace(/\n+$/, chomping === "-" ? "" : "\n");
    this.#nextLine();
    return this.#build.text(text, start, mark);
  }

  /** Blanks, line ends and comments inside a flow collection; its lines must be deeper than what it belongs to. */
  #flowSpace(): void {
    const next = this.#text[this.#at];
    if (next !== " " && next !== "\n") return;
    const space = this.#match(/(?:[ \n]|(?<=[ \n])#[^\n]*)*/y)?.[0] ?? "";
    const newline = space.lastIndexOf("\n");
    if (newline !== -1 && space.length - newline - 1 <= this.#parent) throw BEYOND;
  }

  #flowValue(): Node {
    const { anchor, mark } = this.#properties();
    if (mark === "reset") throw BEYOND;
    if (anchor !== undefined) this.#build.open(anchor);
    return this.#closed(this.#inline(mark, true), anchor);
  }

  #flowSequence(mark: Mark | undefined): Node {
    if (++this.#depth > DEEPEST) throw BEYOND;
    const start = this.#at++;
    const items: Node[] = [];
    this.#flowSpace();
    while (this.#text[this.#at] !== "]") {
      items.push(this.#flowValue());
      this.#separator("]");
    }
    this.#at++;
    this.#depth--;
    return this.#build.sequence(items, start, mark);
  }

  #flowMapping(mark: Mark | undefined): Node {
    if (++this.#depth > DEEPEST) throw BEYOND;
    const start = this.#at++;
    const pairs: Pair[] = [];
    this.#flowSpace();
    while (this.#text[this.#at] !== "}") {
      const key = this.#key();
      this.#flowSpace();
      const next = this.#text[this.#at];
      const value = next === "," || next === "}" ? this.#build.nothing(this.#at) : this.#flowValue();
      pairs.push({ ...key, value });
      this.#separator("}");
    }
    this.#at++;
    this.#depth--;
    return this.#build.mapping(pairs, start, mark);
  }

  #separator(close: string): void {
    this.#flowSpace();
    const char = this.#text[this.#at];
    if (char === ",") {
      this.#at++;
      this.#flowSpace();
    } else if (char !== close) {
      throw BEYOND;
    }
  }
}
