import { EngineError } from "../errors.ts";
import type { LineRange } from "./text.ts";

/** Where in a file something is: line and column count from one, the length is in characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export interface DockerfileErrorOptions extends ErrorOptions {
  readonly lines: LineRange;
  /** The place that is wrong, where it is known better than by its lines. */
  readonly place?: Place | undefined;
  /** What the message says before the reason; Docker's `dockerfile parse error on line 3: ` where nothing is given. */
  readonly prefix?: string;
}

/** Something in a Dockerfile that can not be built, and where. */
export class DockerfileError extends EngineError {
  /** What is wrong, without saying where. */
  readonly reason: string;
  readonly lines: LineRange;
  readonly place: Place | undefined;

  constructor(reason: string, options: DockerfileErrorOptions) {
    const { prefix = `dockerfile parse error on line ${options.lines.start}: ` } = options;
    super("InvalidParameter", prefix + reason, options);
    this.name = "DockerfileError";
    this.reason = reason;
    this.lines = options.lines;
    this.place = options.place;
  }
}

/** Lines of the file that are shown before and after the wrong ones. */
const LINES_AROUND = 3;
const LINES_SHOWN_MAX = 20;
const COLUMNS_SHOWN_MAX = 200;

/**
 * The message of an error with its file and line, the lines around it, and a caret under the place:
 *
 * ```text
 * Dockerfile:3:5
 *    1 | FROM debian
 *    2 |
 *    3 | ENV PATH
 *      |     ^~~~
 * ENV must have two arguments
 * ```
 */
export function renderDockerfileError(error: DockerfileError, file: string, text: string): string {
  const all = text.split(/\r?\n/);
  const { lines, place } = error;
  const shown = place ?? defaultPlace(all, lines);
  const first = Math.max(1, shown.line - LINES_AROUND, Math.min(lines.start, shown.line) - LINES_AROUND);
  const last = Math.min(all.length, Math.max(lines.end, shown.line) + LINES_AROUND, first + LINES_SHOWN_MAX);
  const width = Math.max(4, String(last).length);
  const out = [`${file}:${shown.line}:${shown.column}`];
  for (let number = first; number <= last; number++) {
    const line = (all[number - 1] ?? "").slice(0, COLUMNS_SHOWN_MAX);
    out.push(`${String(number).padStart(width)} | ${line}`.trimEnd());
    if (number === shown.line && shown.column <= COLUMNS_SHOWN_MAX + 1) {
      out.push(`${" ".repeat(width)} | ${caret(line, shown)}`);
    }
  }
  return [...out, error.reason].join("\n");
}

/** The first visible character of the range. */
function defaultPlace(all: readonly string[], lines: LineRange): Place {
  const line = Math.min(Math.max(lines.start, 1), Math.max(all.length, 1));
  const text = all[line - 1] ?? "";
  const column = text.length - text.trimStart().length;
  return { line, column: column + 1, length: Math.max(text.trim().length, 1) };
}

/** Tabs stay tabs, so that the caret stands where it should. */
function caret(line: string, { column, length }: Place): string {
  const before = line.slice(0, column - 1).replace(/[^\t]/g, " ");
  const room = Math.max(line.length - (column - 1), 1);
  return `${before}^${"~".repeat(Math.max(Math.min(length, room) - 1, 0))}`;
}
