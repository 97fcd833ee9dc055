import type { Cli } from "../cli.ts";
import type { Flags, Values } from "../flags.ts";
import type { Arity, Command } from "../spec.ts";
import type { Session } from "./session.ts";

/** A command of `compose` as it was typed. */
export interface ComposeInvocation<F extends Flags> {
  readonly cli: Cli;
  /** What the flags before the command say, and the project they mean. */
  readonly session: Session;
  readonly flags: Values<F>;
  readonly args: readonly string[];
  /** Whether a flag was given, be it with its default value. */
  changed(flag: keyof F & string): boolean;
}

/** One command of `compose`: as the client's other commands, but for what it is given. */
export interface ComposeCommand<F extends Flags = Flags> extends Omit<Command<F>, "run" | "arity"> {
  readonly arity: Arity;
  /** Resolves with the exit code; nothing means 0. */
  run(invocation: ComposeInvocation<F>): Promise<number | undefined> | Promise<void>;
}

/** Gives a command's flags their types, and forgets them: whoever calls it has parsed them by its table. */
export function defineCompose<const F extends Flags>(command: ComposeCommand<F>): ComposeCommand {
  return command as unknown as ComposeCommand;
}

/** A command that is loaded when it is called. */
export interface ComposeLeaf {
  readonly load: () => Promise<{ readonly command: ComposeCommand }>;
  readonly hidden?: boolean;
}
