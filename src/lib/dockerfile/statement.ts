import { DockerfileError, type Place } from "./error.ts";
import type { Heredoc } from "./heredoc.ts";
import type { LineRange } from "./text.ts";
import { trim } from "./text.ts";
import type { FlagWord } from "./words.ts";

/** A piece of an instruction's text, and where it stands in the file. */
export interface Segment {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/**
 * One instruction as written: its arguments are split by the rules of its kind, but nothing is checked or expanded.
 * Arguments of `ENV` and `LABEL` come in threes: name, value, and `=` or nothing.
 */
export interface Statement {
  /** The first word as written. */
  readonly keyword: string;
  readonly flags: readonly FlagWord[];
  readonly arguments: readonly string[];
  /** The arguments are a JSON list (the exec form). */
  readonly json: boolean;
  readonly heredocs: readonly Heredoc[];
  /** What `ONBUILD` is followed by. */
  readonly trigger: Statement | undefined;
  /** The instruction without line continuations and comments. */
  readonly text: string;
  /** Where in the text the arguments begin. */
  readonly argumentsOffset: number;
  readonly lines: LineRange;
  /** Lines of comments directly above. */
  readonly comments: readonly string[];
  readonly segments: readonly Segment[];
}

/** The instruction as it is shown and kept. */
export function codeOf(statement: Statement): string {
  return trim(statement.text);
}

/** Where in the file an offset of an instruction's text is. */
export function placeAt(segments: readonly Segment[], offset: number, length = 1): Place | undefined {
  const segment = segments.findLast((candidate) => candidate.offset <= offset);
  if (segment === undefined) return undefined;
  return { line: segment.line, column: segment.column + offset - segment.offset, length };
}

/** An error about an instruction: all of it, or the part of its text at an offset. */
export function statementError(
  statement: Pick<Statement, "lines" | "segments">,
  reason: string,
  at?: { readonly offset: number; readonly length?: number },
): DockerfileError {
  const place = at === undefined ? undefined : placeAt(statement.segments, at.offset, at.length);
  return new DockerfileError(reason, { lines: statement.lines, place });
}

/** An error about an instruction's arguments, which the caret then points to. */
export function argumentError(statement: Statement, reason: string): DockerfileError {
  const length = Math.max(statement.text.length - statement.argumentsOffset, 1);
  return statementError(statement, reason, { offset: statement.argumentsOffset, length });
}
