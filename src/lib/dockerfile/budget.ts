import { invalidParameter } from "../errors.ts";

/** Linux gives no process a longer word (MAX_ARG_STRLEN), and a few lines that double each other fill any memory. */
const WORD_LENGTH_MAX = 128 * 1024;
/** What all words of one Dockerfile may come to. */
const TOTAL_LENGTH_MAX = 64 * 1024 * 1024;
/** Steps of pattern matching: less than a second. */
const WORK_MAX = 10_000_000;

/** Bounds what the expansions of one Dockerfile may cost. */
export class ExpansionBudget {
  #lengthLeft = TOTAL_LENGTH_MAX;
  #workLeft = WORK_MAX;

  /** Counts what variables bring into one word; `brought` is all of the word so far. @throws InvalidParameter */
  characters(count: number, brought: number): void {
    if (brought > WORD_LENGTH_MAX) {
      throw invalidParameter(`a word with its variables put in is longer than ${WORD_LENGTH_MAX} characters`);
    }
    this.#lengthLeft -= count;
    if (this.#lengthLeft < 0) {
      throw invalidParameter(
        `words with their variables put in are longer than ${TOTAL_LENGTH_MAX} characters`,
      );
    }
  }

  /** @throws InvalidParameter */
  work(steps: number): void {
    this.#workLeft -= steps;
    if (this.#workLeft < 0) throw invalidParameter("patterns in substitutions take too long to match");
  }
}
