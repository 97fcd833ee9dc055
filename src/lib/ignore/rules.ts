import { invalidParameter } from "../errors.ts";
import { IgnorePattern } from "./pattern.ts";

interface Rule {
  readonly pattern: IgnorePattern;
  readonly text: string;
  readonly brings: boolean;
}

const RULES_MAX = 10_000;
const LINE_LENGTH_MAX = 65_535;

/** Which rules fit a folder or one above it. */
type Matched = readonly boolean[];

/**
 * What an ignore file (`.dockerignore`) leaves out of a build's context. A folder that is left out takes all that is in it
 * along, unless a later exception (`!pattern`) brings something back.
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];
  readonly #none: Matched = [];
  /** What the folder looked at last matches: neighbours are asked for one after another. */
  #folder = { path: "", matched: this.#none };

  /** @param patterns one each, clean, `!` in front of exceptions. @throws InvalidParameter */
  constructor(patterns: readonly string[]) {
    if (patterns.length > RULES_MAX) throw invalidParameter(`more than ${RULES_MAX} patterns`);
    this.#rules = patterns.filter((pattern) => pattern !== "").map(ruleOf);
  }

  /** There are exceptions, so that a folder which is left out may hold something that is not. */
  get hasExceptions(): boolean {
    return this.#rules.some(({ brings }) => brings);
  }

  /** The patterns that leave something out. */
  get patterns(): readonly string[] {
    return this.#rules.filter(({ brings }) => !brings).map(({ text }) => text);
  }

  /** All rules as they are given to somebody else who goes by them: exceptions begin with `!`. */
  get lines(): readonly string[] {
    return this.#rules.map(({ brings, text }) => (brings ? `!${text}` : text));
  }

  /** @param path relative to the context, with slashes, clean. */
  leavesOut(path: string): boolean {
    return this.#outcome(this.#match(path, this.#folderOf(path)));
  }

  /** Whether an exception may fit something in a folder; where not, a folder that is left out need not be looked into. */
  mayBringBack(folder: string): boolean {
    return this.#rules.some(({ brings, pattern }) => {
      if (!brings) return false;
      const { literal } = pattern;
      return (
        literal === undefined || `${folder}/`.startsWith(`${literal}/`) || literal.startsWith(`${folder}/`)
      );
    });
  }

  /** Whether a pattern may fit something in a folder that none fits itself: where the rules are what to take, not what to leave. */
  mayMatchBelow(folder: string): boolean {
    return this.#rules.some(({ brings, pattern }) => {
      const { literal } = pattern;
      return !brings && (literal === undefined || literal.startsWith(`${folder}/`));
    });
  }

  #folderOf(path: string): Matched {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return this.#none;
    const folder = path.slice(0, slash);
    if (this.#folder.path !== folder) {
      let matched = this.#none;
      for (let end = folder.indexOf("/"); end >= 0; end = folder.indexOf("/", end + 1)) {
        matched = this.#match(folder.slice(0, end), matched);
      }
      this.#folder = { path: folder, matched: this.#match(folder, matched) };
    }
    return this.#folder.matched;
  }

  /**
   * Which rules fit the path or, as far as they were asked, a folder above it. A rule is asked only where it would change
   * the outcome so far: an exception to what nothing has left out yet does not count for what is in the folder either
   * (moby/patternmatcher's `MatchesUsingParentResults`, by which contexts are sent).
   */
  #match(path: string, above: Matched): Matched {
    let out = false;
    return this.#rules.map(({ pattern, brings }, index) => {
      const matched = above[index] || (brings === out && pattern.matches(path));
      if (matched) out = !brings;
      return matched;
    });
  }

  #outcome(matched: Matched): boolean {
    const last = matched.lastIndexOf(true);
    return last >= 0 && !this.#rules[last]!.brings;
  }
}

function ruleOf(text: string): Rule {
  const brings = text.startsWith("!");
  const path = brings ? text.slice(1) : text;
  if (path === "") throw invalidParameter('illegal exclusion pattern: "!"');
  return { pattern: new IgnorePattern(path), text: path, brings };
}

/**
 * Reads an ignore file: one pattern a line, relative to the context whether it begins with a slash or not; a line that
 * begins with `#` is a comment, `!` an exception; the last rule that fits decides (moby/patternmatcher's `ignorefile`).
 * @throws InvalidParameter
 */
export function parseIgnoreFile(text: string): IgnoreRules {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  return new IgnoreRules(lines.filter((line) => !line.startsWith("#")).map(patternOf));
}

function patternOf(line: string): string {
  if (line.length > LINE_LENGTH_MAX) throw invalidParameter("bufio.Scanner: token too long");
  const trimmed = line.trim();
  const brings = trimmed.startsWith("!");
  const path = brings ? trimmed.slice(1).trim() : trimmed;
  const clean = path === "" ? "" : cleanPath(path);
  const relative = clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean;
  return (brings ? "!" : "") + relative;
}

/** Go's `filepath.Clean`: without `.`, doubled slashes, and whatever a `..` takes back. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!rooted) parts.push(part);
  }
  return (rooted ? "/" : "") + parts.join("/") || ".";
}

/**
 * The names of the ignore files of a Dockerfile, the first that exists counts: one of its own beside it, or that of the
 * context.
 * @param dockerfile its path, relative to the context.
 */
export function ignoreFileNames(dockerfile: string): readonly string[] {
  return [`${dockerfile}.dockerignore`, ".dockerignore"];
}
