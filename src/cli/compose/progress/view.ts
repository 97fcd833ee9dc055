import type { BuildReporter } from "../../../compose/index.ts";

/** Shows what happens, until it is finished. */
export interface ProgressView extends BuildReporter {
  /**
   * From now on others print too: what happens stands in lines between theirs, and only what matters then.
   * @param print takes these lines.
   */
  besideOutput(print: (text: string) => void): void;
  /** The last state stays where it is. */
  finish(): void;
}

/** What `BuildReporter` adds is done for all views alike, see `create.ts`. */
export type ListView = Omit<ProgressView, "buildProgress"> & {
  /** Others use the terminal until `resume`. */
  suspend?(): void;
  resume?(): void;
};

/** The line of a longer message that says what it comes to: builds end theirs with it. */
export function oneLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
