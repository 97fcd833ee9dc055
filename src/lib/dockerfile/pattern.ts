import { invalidParameter } from "../errors.ts";
import type { ExpansionBudget } from "./budget.ts";
import { quote } from "./text.ts";

/** `*` and `?` of a pattern; anything else is a character that stands for itself. */
const ANY_TEXT = Symbol("*");
const ANY_CHARACTER = Symbol("?");
type Part = string | typeof ANY_TEXT | typeof ANY_CHARACTER;

/**
 * A pattern of `${x#pattern}`, `${x%pattern}` and `${x/pattern/text}`: `*` and `?` as in a shell, but no `[…]`, and neither
 * of them matches a newline (BuildKit's `convertShellPatternToRegex`). Matching simulates all ways at once, so its work is
 * the product of both lengths at most, and it is counted.
 */
export class ShellPattern {
  readonly #parts: readonly Part[];
  readonly #budget: ExpansionBudget;

  private constructor(parts: readonly Part[], budget: ExpansionBudget) {
    this.#parts = parts;
    this.#budget = budget;
  }

  /** @throws InvalidParameter where a backslash stands before a character that needs none. */
  static parse(text: string, budget: ExpansionBudget): ShellPattern {
    const parts: Part[] = [];
    const characters = [...text];
    for (let at = 0; at < characters.length; at++) {
      const character = characters[at]!;
      if (character === "*") parts.push(ANY_TEXT);
      else if (character === "?") parts.push(ANY_CHARACTER);
      else if (character === "\\") {
        const next = characters[++at];
        // `}` and `/` have to be escaped inside of `${}`, which is not the pattern's matter.
        if (next === undefined || !"*?\\}/".includes(next)) {
          throw invalidParameter(
            `invalid pattern (${text}) in substitution: invalid escape ${quote(`\\${next ?? ""}`)}`,
          );
        }
        parts.push(next);
      } else parts.push(character);
    }
    return new ShellPattern(parts, budget);
  }

  /** The same pattern for a text that is read from its end. */
  reversed(): ShellPattern {
    return new ShellPattern([...this.#parts].reverse(), this.#budget);
  }

  /**
   * Where a match that begins at `start` ends: the nearest or the furthest place.
   * @returns -1 where nothing matches.
   */
  matchEnd(text: readonly string[], start: number, which: "shortest" | "longest"): number {
    let states = this.#closure(new Set([0]));
    let end = -1;
    for (let at = start; ; at++) {
      if (states.has(this.#parts.length)) {
        end = at;
        if (which === "shortest") return end;
      }
      if (at >= text.length || states.size === 0) return end;
      this.#budget.work(states.size);
      states = this.#step(states, text[at]!);
    }
  }

  #step(states: ReadonlySet<number>, character: string): Set<number> {
    const next = new Set<number>();
    for (const state of states) {
      const part = this.#parts[state];
      if (part === character || (part === ANY_CHARACTER && character !== "\n")) next.add(state + 1);
      else if (part === ANY_TEXT && character !== "\n") next.add(state);
    }
    return this.#closure(next);
  }

  /** A `*` may match nothing. */
  #closure(states: Set<number>): Set<number> {
    for (const state of states) if (this.#parts[state] === ANY_TEXT) states.add(state + 1);
    return states;
  }
}

/** `${x#pattern}` and `${x##pattern}`. */
export function withoutPrefix(value: string, pattern: ShellPattern, which: "shortest" | "longest"): string {
  const text = [...value];
  const end = pattern.matchEnd(text, 0, which);
  return end < 0 ? value : text.slice(end).join("");
}

/** `${x%pattern}` and `${x%%pattern}`. */
export function withoutSuffix(value: string, pattern: ShellPattern, which: "shortest" | "longest"): string {
  const text = [...value].reverse();
  const end = pattern.reversed().matchEnd(text, 0, which);
  return end < 0 ? value : text.slice(end).reverse().join("");
}

/** `${x/pattern/replacement}` and `${x//pattern/replacement}`: leftmost matches, each as long as possible. */
export function withReplaced(
  value: string,
  pattern: ShellPattern,
  replacement: string,
  which: "first" | "all",
): string {
  const text = [...value];
  let out = "";
  let matchedUntil = -1;
  for (let at = 0; at <= text.length; ) {
    const end = pattern.matchEnd(text, at, "longest");
    // As in Go, an empty match does not follow another match immediately.
    if (end > at || (end === at && at !== matchedUntil)) {
      out += replacement;
      matchedUntil = end;
      if (which === "first") return out + text.slice(end).join("");
    }
    if (end <= at) out += text[at] ?? "";
    at = Math.max(end, at + 1);
  }
  return out;
}
