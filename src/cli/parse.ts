import { cut, type Flag, type Flags } from "./flags.ts";
import { quote } from "./text/numbers.ts";

/** What was typed behind a command's name. */
export interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
  /** `--help` was among the flags. */
  readonly help: boolean;
}

/** The command line is not understood; the message is Docker's. */
export class FlagError extends Error {}

/**
 * Parses flags and arguments by the rules of Docker's client (those of Go's pflag): `--name value`,
 * `--name=value`, `-n value`, `-nvalue`, `-n=value`, switches combined as `-itd`, `--` ends the flags.
 * `node:util`'s parser knows neither `-t=false` nor an end at the first argument, and loading it costs more
 * than a millisecond.
 */
export function parseArguments(
  argv: readonly string[],
  flags: Flags,
  options: { stopAtFirstArgument?: boolean } = {},
): Parsed {
  return new Parser(flags, argv, options.stopAtFirstArgument ?? false).parse();
}

class Parser {
  readonly #flags: Flags;
  readonly #shorts = new Map<string, string>();
  readonly #argv: readonly string[];
  readonly #stop: boolean;
  readonly #values: Record<string, unknown> = {};
  readonly #changed = new Set<string>();
  readonly #args: string[] = [];
  #help = false;
  #next = 0;

  constructor(flags: Flags, argv: readonly string[], stop: boolean) {
    this.#flags = flags;
    this.#argv = argv;
    this.#stop = stop;
    for (const name of Object.keys(flags)) {
      const { short, initial } = flags[name]!;
      this.#values[name] = initial;
      if (short !== undefined) this.#shorts.set(short, name);
    }
  }

  parse(): Parsed {
    while (this.#next < this.#argv.length && !this.#help) {
      const word = this.#argv[this.#next++]!;
      if (word === "--") {
        this.#takeRest();
      } else if (word.startsWith("--")) {
        this.#long(word);
      } else if (word.startsWith("-") && word.length > 1) {
        this.#shortGroup(word.slice(1));
      } else {
        this.#args.push(word);
        if (this.#stop) this.#takeRest();
      }
    }
    return { values: this.#values, changed: this.#changed, args: this.#args, help: this.#help };
  }

  #takeRest(): void {
    this.#args.push(...this.#argv.slice(this.#next));
    this.#next = this.#argv.length;
  }

  #long(word: string): void {
    const [name, inline] = cut(word.slice(2), "=");
    if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: ${word}`);
    const flag = Object.hasOwn(this.#flags, name) ? this.#flags[name] : undefined;
    if (flag === undefined) {
      if (name !== "help") throw new FlagError(`unknown flag: --${name}`);
      this.#help = true;
      return;
    }
    this.#set(
      name,
      flag,
      inline ?? (flag.isSwitch ? "true" : this.#argument(`flag needs an argument: --${name}`)),
    );
  }

  #shortGroup(group: string): void {
    for (let rest = group; rest !== "" && !this.#help; ) {
      const letter = rest[0]!;
      const name = this.#shorts.get(letter);
      if (name === undefined) {
        if (letter !== "h") throw new FlagError(`unknown shorthand flag: ${quoteLetter(letter)} in -${rest}`);
        this.#help = true;
        return;
      }
      rest = this.#short(name, this.#flags[name]!, rest);
    }
  }

  /** Handles the first letter of a group and gives the letters that are still to be handled. */
  #short(name: string, flag: Flag, group: string): string {
    const rest = group.slice(1);
    if (rest.length > 1 && rest.startsWith("=")) {
      this.#set(name, flag, rest.slice(1));
      return "";
    }
    if (flag.isSwitch) {
      this.#set(name, flag, "true");
      return rest;
    }
    this.#set(
      name,
      flag,
      rest || this.#argument(`flag needs an argument: ${quoteLetter(group[0]!)} in -${group}`),
    );
    return "";
  }

  #argument(complaint: string): string {
    const word = this.#argv[this.#next++];
    if (word === undefined) throw new FlagError(complaint);
    return word;
  }

  #set(name: string, flag: Flag, text: string): void {
    try {
      this.#values[name] = flag.take(text, this.#values[name]);
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw new FlagError(`invalid argument ${quote(text)} for "${shown}" flag: ${(error as Error).message}`);
    }
    this.#changed.add(name);
  }
}

function quoteLetter(letter: string): string {
  return `'${letter}'`;
}
