import { type LineRange, parseBool } from "../../lib/dockerfile/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { descriptionOf, isExperimental, pageOf, type RuleName } from "./rules.ts";

/** Something that a check found. */
export interface CheckWarning {
  readonly rule: RuleName;
  readonly description: string;
  readonly url: string;
  readonly message: string;
  readonly lines: LineRange;
}

/** What `# check=…` says. */
export interface CheckOptions {
  readonly skip: "all" | readonly string[];
  readonly experimental: "all" | readonly string[];
  /** Warnings fail the build. */
  readonly error: boolean;
}

export const ALL_CHECKS: CheckOptions = { skip: [], experimental: [], error: false };

/**
 * Reads `skip=Rule,Rule;experimental=all;error=true` (BuildKit's `ParseLintOptions`); what follows a blank does not count.
 * @throws InvalidParameter
 */
export function parseCheckOptions(value: string): CheckOptions {
  const text = value.trim().split(" ", 1)[0]!;
  if (text === "") return ALL_CHECKS;
  let options = ALL_CHECKS;
  for (const part of text.split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0) throw invalidParameter(`invalid check option ${JSON.stringify(part)}`);
    const key = part.slice(0, equals).trim();
    const setting = part.slice(equals + 1).trim();
    const rules = setting === "all" ? "all" : setting.split(",").map((rule) => rule.trim());
    if (key === "skip") options = { ...options, skip: rules };
    else if (key === "experimental") options = { ...options, experimental: rules };
    else if (key === "error") {
      const error = parseBool(setting);
      if (error === undefined) throw invalidParameter(`failed to parse check option ${JSON.stringify(part)}`);
      options = { ...options, error };
    } else throw invalidParameter(`invalid check option ${JSON.stringify(key)}`);
  }
  return options;
}

const join = (a: "all" | readonly string[], b: "all" | readonly string[]) =>
  a === "all" || b === "all" ? "all" : [...a, ...b];

const WARNINGS_MAX = 1000;

/** Collects what the checks find, once each. */
export class Checks {
  readonly #options: CheckOptions;
  readonly #found: Map<string, CheckWarning>;

  constructor(options: CheckOptions = ALL_CHECKS, found: Map<string, CheckWarning> = new Map()) {
    this.#options = options;
    this.#found = found;
  }

  /** In the order of the file. */
  get warnings(): readonly CheckWarning[] {
    return [...this.#found.values()].sort((a, b) => a.lines.start - b.lines.start);
  }

  /** What the build fails with where warnings are errors; undefined where it may go on. */
  get violation(): string | undefined {
    if (!this.#options.error || this.#found.size === 0) return undefined;
    const rules = new Set(this.warnings.map(({ rule }) => rule));
    return `lint violation found for rules: ${[...rules].join(", ")}`;
  }

  report(rule: RuleName, lines: LineRange, message: string): void {
    const { skip, experimental } = this.#options;
    const listed = (list: "all" | readonly string[]) => list === "all" || list.includes(rule);
    if (isExperimental(rule) ? !listed(experimental) : listed(skip)) return;
    const key = `${rule}\n${lines.start}\n${message}`;
    if (this.#found.has(key) || this.#found.size >= WARNINGS_MAX) return;
    this.#found.set(key, { rule, description: descriptionOf(rule), url: pageOf(rule), message, lines });
  }

  /** The same collection, for an instruction whose comments may ask to skip checks: `# check=skip=Rule`. */
  under(comments: readonly string[]): Checks {
    const found = comments.map((comment) => /^check\s*=\s*(.+)$/i.exec(comment)?.[1]).find(Boolean);
    if (found === undefined) return this;
    try {
      const own = parseCheckOptions(found);
      const { skip, experimental, error } = this.#options;
      return new Checks(
        { skip: join(skip, own.skip), experimental: join(experimental, own.experimental), error },
        this.#found,
      );
    } catch {
      // It is a comment after all.
      return this;
    }
  }
}
