import type { CommandLine } from "./instruction.ts";
import type { Statement } from "./statement.ts";

/** The command of an instruction whose flags were read already. */
export function commandOf({ arguments: words, json, heredocs }: Statement): CommandLine {
  return { words: json || words.length === 0 ? words : [words.join(" ")], shell: !json, heredocs };
}
