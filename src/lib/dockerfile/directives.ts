import { trimStart } from "./text.ts";

const NAMES = ["syntax", "escape", "check"] as const;
export type DirectiveName = (typeof NAMES)[number];

/** `# name=value` at the very beginning of a Dockerfile. */
export interface Directive {
  readonly name: DirectiveName;
  readonly value: string;
  readonly line: number;
}

/** What one line is to the directives: one of them, a second of a kind, or something else, which ends them. */
export type DirectiveLine = Directive | { readonly repeated: DirectiveName } | undefined;

const DIRECTIVE = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(\S.*)$/;

/**
 * Reads parser directives line by line: they stand before everything else, comments included, and none may come twice
 * (BuildKit's `DirectiveParser`).
 */
export class DirectiveReader {
  readonly #seen = new Set<DirectiveName>();
  #done = false;

  /** @param text the line without blanks in front. */
  read(text: string, line: number): DirectiveLine {
    if (this.#done) return undefined;
    const found = text.startsWith("#") ? DIRECTIVE.exec(trimStart(text.slice(1))) : null;
    const name = NAMES.find((known) => known === found?.[1]?.toLowerCase());
    if (name === undefined) {
      this.#done = true;
      return undefined;
    }
    if (this.#seen.has(name)) return { repeated: name };
    this.#seen.add(name);
    return { name, value: found![2]!.trimEnd(), line };
  }
}
