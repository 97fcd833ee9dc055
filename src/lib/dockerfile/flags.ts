import { didYouMean } from "./nearest.ts";
import { type Statement, statementError } from "./statement.ts";

export type FlagKind = "text" | "texts" | "switch";

/** The values of an instruction's flags, each of the kind that the instruction declares. */
export interface Flags {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  /** Undefined where the flag is not given. */
  switch(name: string): boolean | undefined;
}

/**
 * Reads an instruction's flags (BuildKit's `BFlags`).
 * @throws DockerfileError for a flag that the instruction does not have, that comes twice, or that has no fit value.
 */
export function parseFlags(statement: Statement, kinds: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, string[]>();
  for (const { text, offset } of statement.flags) {
    const fail = (reason: string) => statementError(statement, reason, { offset, length: text.length });
    const equals = text.indexOf("=");
    const shown = equals < 0 ? text : text.slice(0, equals);
    const name = shown.slice("--".length);
    const value = equals < 0 ? undefined : text.slice(equals + 1);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw fail(`unknown flag: ${shown}${didYouMean(name, Object.keys(kinds))}`);
    const before = values.get(name);
    if (before !== undefined && kind !== "texts") throw fail(`duplicate flag specified: ${shown}`);
    if (kind === "switch" ? value === "" : value === undefined) {
      throw fail(`missing a value on flag: ${shown}`);
    }
    if (kind === "switch" && !/^(?:true|false)?$/i.test(value ?? "")) {
      throw fail(`expecting boolean value for flag ${shown}, not: ${value}`);
    }
    values.set(name, [...(before ?? []), value ?? "true"]);
  }
  return {
    text: (name) => values.get(name)?.[0],
    texts: (name) => values.get(name) ?? [],
    switch: (name) => {
      const value = values.get(name)?.[0];
      return value === undefined ? undefined : value.toLowerCase() === "true";
    },
  };
}

/** Where a flag stands in the text; the beginning of the arguments where it is not given. */
export function flagPlace(statement: Statement, name: string): { offset: number; length: number } {
  const flag = statement.flags.find(({ text }) => text === `--${name}` || text.startsWith(`--${name}=`));
  return { offset: flag?.offset ?? statement.argumentsOffset, length: flag?.text.length ?? 1 };
}
