import { ArgumentsError, splitArguments } from "./arguments.ts";
import { type Directive, type DirectiveName, DirectiveReader } from "./directives.ts";
import { DockerfileError } from "./error.ts";
import type { EscapeCharacter } from "./expand.ts";
import { HEREDOCS_MAX, type Heredoc, type HeredocMark, heredocMarks } from "./heredoc.ts";
import { placeAt, type Segment, type Statement, statementError } from "./statement.ts";
import { cutAtBlanks, type LineRange, trim, trimStart } from "./text.ts";
import { splitFlags } from "./words.ts";

/** A Dockerfile as written: instructions in order, none of them checked yet. */
export interface ParsedDockerfile {
  readonly statements: readonly Statement[];
  readonly escape: EscapeCharacter;
  readonly directives: Readonly<Partial<Record<DirectiveName, Directive>>>;
  /** Instructions that go on over an empty line, by the line at which each of them ends. */
  readonly emptyContinuations: readonly number[];
}

/** The longest Dockerfile that is read, in UTF-16 units. */
const TEXT_LENGTH_MAX = 4 * 1024 * 1024;
/** BuildKit's limit, which is that of Go's `bufio.Scanner`. */
const LINE_BYTES_MAX = 65_535;
const STATEMENTS_MAX = 10_000;

/**
 * Reads a Dockerfile, as BuildKit's `parser.Parse` does.
 * @throws DockerfileError
 */
export function parseDockerfile(text: string): ParsedDockerfile {
  return new Parser(text).parse();
}

class Parser {
  readonly #lines: readonly string[];
  readonly #directiveReader = new DirectiveReader();
  readonly #directives: Partial<Record<DirectiveName, Directive>> = {};
  readonly #statements: Statement[] = [];
  readonly #emptyContinuations: number[] = [];
  #escape: EscapeCharacter = "\\";
  #comments: string[] = [];
  /** Lines read so far, which is also the number of the last one. */
  #read = 0;

  constructor(text: string) {
    if (text.length > TEXT_LENGTH_MAX) {
      throw new DockerfileError(`the Dockerfile is longer than ${TEXT_LENGTH_MAX} characters`, {
        lines: { start: 1, end: 1 },
      });
    }
    this.#lines = splitLines(text.replace(/^\uFEFF/, ""));
  }

  parse(): ParsedDockerfile {
    this.#directivesAfterShebang();
    for (let line = this.#next(); line !== undefined; line = this.#next()) this.#topLevel(line);
    if (this.#statements.length === 0) {
      throw new DockerfileError("file with no instructions", { lines: { start: 1, end: 1 } });
    }
    return {
      statements: this.#statements,
      escape: this.#escape,
      directives: this.#directives,
      emptyContinuations: this.#emptyContinuations,
    };
  }

  /** `syntax` and `check` may follow a `#!` line, for the tools that look for them; `escape` may not. */
  #directivesAfterShebang(): void {
    if (!this.#lines[0]?.startsWith("#!")) return;
    const reader = new DirectiveReader();
    for (const [index, line] of this.#lines.slice(1).entries()) {
      const found = reader.read(trimStart(withoutLineEnd(line)), index + 2);
      if (found === undefined || "repeated" in found) return;
      if (found.name !== "escape") this.#directives[found.name] = found;
    }
  }

  /** The next line with its end, undefined at the end of the file. @throws DockerfileError where it is too long. */
  #next(): string | undefined {
    const line = this.#lines[this.#read];
    if (line === undefined) return undefined;
    this.#read++;
    if (line.length * 3 > LINE_BYTES_MAX && Buffer.byteLength(withoutNewline(line)) > LINE_BYTES_MAX) {
      throw this.#error(`dockerfile line greater than max allowed size of ${LINE_BYTES_MAX}`);
    }
    return line;
  }

  #topLevel(raw: string): void {
    const line = trimStart(withoutLineEnd(raw));
    const isDirective = this.#directive(line);
    if (line === "") this.#comments = [];
    if (line.startsWith("#")) {
      if (!isDirective) this.#comment(line);
    } else if (line !== "") {
      this.#instruction(line, withoutLineEnd(raw).length - line.length);
    }
  }

  #directive(line: string): boolean {
    const found = this.#directiveReader.read(line, this.#read);
    if (found === undefined) return false;
    if ("repeated" in found) throw this.#error(`only one ${found.repeated} parser directive can be used`);
    this.#directives[found.name] = found;
    if (found.name === "escape") {
      if (found.value !== "\\" && found.value !== "`") {
        throw this.#error(`invalid escape token '${found.value}' does not match \` or \\`);
      }
      this.#escape = found.value;
    }
    return true;
  }

  /** Comments directly above an instruction describe it; an empty one parts it from them. */
  #comment(line: string): void {
    const comment = trim(line.slice(1));
    if (comment === "") this.#comments = [];
    else this.#comments.push(comment);
  }

  #instruction(first: string, indent: number): void {
    const start = this.#read;
    const { text, segments, hasEmptyLine } = this.#joined(first, indent);
    const lines = { start, end: this.#read };
    if (hasEmptyLine) this.#emptyContinuations.push(this.#read);
    if (this.#statements.length >= STATEMENTS_MAX) {
      throw this.#error(`the Dockerfile has more than ${STATEMENTS_MAX} instructions`);
    }
    const statement = parseStatement(text, {
      lines,
      segments,
      escape: this.#escape,
      comments: this.#comments,
    });
    const heredocs = mayHaveHeredocs(statement) ? this.#heredocs(statement) : [];
    this.#statements.push({ ...statement, heredocs, lines: { start, end: this.#read } });
    this.#comments = [];
  }

  /** The instruction that begins with this line, with its continuations. */
  #joined(first: string, indent: number): { text: string; segments: Segment[]; hasEmptyLine: boolean } {
    const segments: Segment[] = [{ offset: 0, line: this.#read, column: indent + 1 }];
    let hasEmptyLine = false;
    let { text, goesOn } = withoutContinuation(first, this.#escape);
    while (goesOn) {
      const raw = this.#next();
      if (raw === undefined) break;
      const line = withoutLineEnd(raw);
      const visible = trimStart(line);
      if (visible.startsWith("#")) continue;
      if (visible === "") {
        hasEmptyLine = true;
        continue;
      }
      const part = withoutContinuation(line, this.#escape);
      segments.push({ offset: text.length, line: this.#read, column: 1 });
      text += part.text;
      goesOn = part.goesOn;
    }
    return { text, segments, hasEmptyLine };
  }

  #heredocs(statement: Statement): Heredoc[] {
    let marks: HeredocMark[];
    try {
      marks = heredocMarks(statement.text);
    } catch (error) {
      throw statementError(statement, (error as Error).message);
    }
    if (marks.length > HEREDOCS_MAX) {
      throw statementError(statement, `more than ${HEREDOCS_MAX} heredocs in one instruction`);
    }
    return marks.map((mark) => ({ ...mark, content: this.#heredocContent(statement, mark) }));
  }

  #heredocContent(statement: Statement, mark: HeredocMark): string {
    const start = this.#read;
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const line = withoutLineEnd(raw);
      if ((mark.chomp ? line.replace(/^\t+/, "") : line) === mark.name) {
        return this.#lines.slice(start, this.#read - 1).join("");
      }
    }
    const offset = statement.text.indexOf("<<");
    throw statementError(
      { ...statement, lines: { start: statement.lines.start, end: this.#read } },
      "unterminated heredoc",
      { offset, length: 2 },
    );
  }

  #error(reason: string): DockerfileError {
    return new DockerfileError(reason, { lines: { start: this.#read, end: this.#read } });
  }
}

/** Lines with their ends, which matter in here-documents. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

const withoutNewline = (line: string) => (line.endsWith("\n") ? line.slice(0, -1) : line);

function withoutLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === "\n" || line[end - 1] === "\r")) end--;
  return line.slice(0, end);
}

/**
 * A line goes on in the next one where the escape character is the last one visible, unless another one stands before it.
 */
function withoutContinuation(line: string, escaping: EscapeCharacter): { text: string; goesOn: boolean } {
  let end = line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  const goesOn = line[end - 1] === escaping && line[end - 2] !== escaping;
  return { text: goesOn ? line.slice(0, end - 1) : line, goesOn };
}

interface StatementContext {
  readonly lines: LineRange;
  readonly segments: readonly Segment[];
  readonly escape: EscapeCharacter;
  readonly comments: readonly string[];
}

/**
 * Splits one instruction, without its here-documents.
 * @param within the instruction that this one is an argument of: `ONBUILD`.
 */
function parseStatement(text: string, context: StatementContext, within?: string): Statement {
  const begin = text.length - trimStart(text).length;
  const [keyword, afterKeyword] = cutAtBlanks(trim(text));
  const tail = afterKeyword ?? "";
  const tailOffset = text.indexOf(tail, begin + keyword.length);
  const { flags, rest } = splitFlags(tail, context.escape);
  const restText = trimStart(tail.slice(rest));
  const offset = tailOffset + tail.length - restText.length;
  const base = {
    keyword,
    flags: flags.map((flag) => ({ ...flag, offset: flag.offset + tailOffset })),
    arguments: [],
    json: false,
    heredocs: [],
    trigger: undefined,
    text,
    argumentsOffset: offset,
    lines: context.lines,
    comments: context.comments,
    segments: context.segments,
  };
  if (keyword.toUpperCase() === "ONBUILD") {
    // What is in an ONBUILD within an ONBUILD does not matter: there is no such thing.
    if (restText === "" || within !== undefined) return base;
    const segments = context.segments.map((segment) => ({ ...segment, offset: segment.offset - offset }));
    const trigger = parseStatement(restText, { ...context, segments, comments: [] }, keyword);
    return { ...base, trigger, arguments: [trigger.keyword, ...trigger.arguments] };
  }
  try {
    const { words, json } = splitArguments(keyword, restText, context.escape);
    return { ...base, arguments: words, json };
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    throw argumentsError(error, restText, offset, context);
  }
}

function argumentsError(
  error: ArgumentsError,
  rest: string,
  offset: number,
  { lines, segments }: StatementContext,
): DockerfileError {
  const at = error.word === undefined ? 0 : Math.max(rest.lastIndexOf(error.word), 0);
  const place = placeAt(segments, offset + at, error.word?.length ?? rest.length);
  return new DockerfileError(error.message, { lines, place });
}

const WITH_HEREDOCS = new Set(["ADD", "COPY", "RUN"]);

function mayHaveHeredocs(statement: Statement): boolean {
  const { keyword, json, text } = statement.trigger ?? statement;
  return WITH_HEREDOCS.has(keyword.toUpperCase()) && !json && text.includes("<<");
}
