import type { Cli } from "./cli.ts";
import type { Completion, Flags, Values } from "./flags.ts";

/** How many arguments a command takes. */
export interface Arity {
  readonly min: number;
  readonly max: number;
}

export const NO_ARGUMENTS: Arity = { min: 0, max: 0 };
export const exactly = (count: number): Arity => ({ min: count, max: count });
export const atLeast = (min: number): Arity => ({ min, max: Number.POSITIVE_INFINITY });
export const between = (min: number, max: number): Arity => ({ min, max });

/** A command as it was typed. */
export interface Invocation<F extends Flags> {
  readonly cli: Cli;
  /** `berth run`: what the person called. */
  readonly name: string;
  readonly flags: Values<F>;
  readonly args: readonly string[];
  /** Whether a flag was given, be it with its default value. */
  changed(flag: keyof F & string): boolean;
}

/**
 * One command: everything that parsing, help and completion know of it, and what it does. The name is given
 * by its place in the tree, since most commands have two.
 */
export interface Command<F extends Flags = Flags> {
  /** One line, for lists of commands. */
  readonly summary: string;
  /** Help's own text where one line does not do. */
  readonly description?: string;
  /** What follows the name: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  /** How many arguments; some flags change it. */
  readonly arity: Arity | ((flags: Values<F>) => Arity);
  readonly flags: F;
  /** Flags end at the first argument: what follows belongs to another program. */
  readonly stopAtFirstArgument?: boolean;
  readonly complete?: Completion;
  /** Resolves with the exit code; nothing means 0. */
  run(invocation: Invocation<F>): Promise<number | undefined> | Promise<void>;
}

/** Gives a command's flags their types, and forgets them: whoever calls it has parsed them by its table. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  return command as unknown as Command;
}
