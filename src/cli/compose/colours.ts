import { isTerminal } from "../terminal/tty.ts";

/** Colours the texts it is given, or leaves them as they are. */
export interface Colours {
  readonly enabled: boolean;
  /** By the code of the terminal: `32` is green, `1;31` bold red. */
  paint(code: string, text: string): string;
}

const none: Colours = { enabled: false, paint: (_, text) => text };
const ansi: Colours = { enabled: true, paint: (code, text) => `\x1b[${code}m${text}\x1b[0m` };

export const colours = { none, ansi, isTerminal };

export const RED = "31";
export const GREEN = "32";
export const YELLOW = "33";
export const BLUE = "34";
