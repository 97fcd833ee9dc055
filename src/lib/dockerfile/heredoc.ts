import { EngineError } from "../errors.ts";
import { expandWord, expandWords } from "./expand.ts";

/** A here-document as its mark says it: `<<EOF`, `<<-EOF`, `<<"EOF"`, `3<<EOF`. */
export interface HeredocMark {
  /** The word that ends it. */
  readonly name: string;
  /** Zero where none is given. */
  readonly fileDescriptor: number;
  /** Variables are put in, because no part of the mark is quoted. */
  readonly expand: boolean;
  /** `<<-`: tabs in front of lines are dropped. */
  readonly chomp: boolean;
}

/** A here-document with its lines as they stand in the file. */
export interface Heredoc extends HeredocMark {
  readonly content: string;
}

const MARK = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/;
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();
/** More than anybody writes in one line. */
export const HEREDOCS_MAX = 128;

/** What a word means as a here-document's mark; undefined where it is none (BuildKit's `ParseHeredoc`). */
export function parseHeredocMark(word: string): HeredocMark | undefined {
  const found = MARK.exec(word);
  const rest = found?.[3] ?? "";
  if (found === null || rest === "") return undefined;
  const keep = { keepUnset: true };
  const names = expandWords(rest, NO_VARIABLES, keep);
  if (names.length !== 1) return undefined;
  const raw = expandWord(rest, NO_VARIABLES, { ...keep, rawQuotes: true }).text;
  return {
    name: names[0]!,
    fileDescriptor: Number(found[1]),
    expand: quotes(names[0]!) === quotes(raw),
    chomp: found[2] === "-",
  };
}

const quotes = (text: string) => text.replace(/[^'"]/g, "").length;

/** The marks of an instruction's line, in order. A line whose quotes do not end has none. @throws InvalidParameter */
export function heredocMarks(line: string): HeredocMark[] {
  let words: string[];
  try {
    words = expandWords(line, NO_VARIABLES, { rawQuotes: true, rawEscapes: true, keepUnset: true });
  } catch (error) {
    if (error instanceof EngineError) return [];
    throw error;
  }
  return words.map(parseHeredocMark).filter((mark) => mark !== undefined);
}

/** The content as a shell gives it to a program: for `<<-` without the tabs in front of each line. */
export function heredocText({ chomp, content }: Heredoc): string {
  return chomp ? content.replace(/^\t+/gm, "") : content;
}
