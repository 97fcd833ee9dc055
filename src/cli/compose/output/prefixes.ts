import { displayWidth } from "../../show/table.ts";
import type { Colours } from "../colours.ts";

/** Colours of containers, in Docker Compose's order: six, then the same in bold. */
const WHEEL = ["36", "33", "32", "35", "34"].flatMap((code) => [code]);
const BOLD = WHEEL.map((code) => `${code};1`);

/** `web-1  | ` before each line: padded to the longest name, and in a colour of the container's own. */
export class Prefixes {
  readonly #isShown: boolean;
  readonly #colours: Record<1 | 2, Colours>;
  readonly #codes = new Map<string, string>();
  #widest = 0;

  constructor(options: { readonly isShown: boolean; readonly colours: Record<1 | 2, Colours> }) {
    this.#isShown = options.isShown;
    this.#colours = options.colours;
  }

  /** Gives a container its colour; the order of calls decides which. */
  register(name: string): void {
    if (this.#codes.has(name)) return;
    const wheel = [...WHEEL, ...BOLD];
    this.#codes.set(name, wheel[this.#codes.size % wheel.length]!);
    this.#widest = Math.max(this.#widest, displayWidth(name));
  }

  of(name: string, descriptor: 1 | 2): string {
    if (!this.#isShown) return "";
    this.register(name);
    const padding = " ".repeat(this.#widest - displayWidth(name) + 1);
    return this.#colours[descriptor].paint(this.#codes.get(name)!, `${name}${padding} | `);
  }

  /** A text in the container's colour. */
  paint(name: string, text: string): string {
    this.register(name);
    return this.#colours[1].paint(this.#codes.get(name)!, text);
  }
}
