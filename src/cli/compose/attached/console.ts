import { standardInput } from "../../terminal/stdin.ts";
import { isTerminal, makeCbreak, terminalSize } from "../../terminal/tty.ts";
import { type LineWriter, plainWriter } from "../output/line-writer.ts";
import type { Session } from "../session.ts";

/** What keys do; absent ones are not offered. */
export interface MenuActions {
  readonly detach: () => void;
  /** Switches it, and says whether it is on. */
  readonly watch?: () => Promise<boolean>;
}

const ENCODER = new TextEncoder();
const ERASE_LINE = "\r\x1b[K";
/** Black on white. */
const KEY = "\x1b[30;47m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** Where an attached `up` prints; on a terminal with a menu of keys, which stays below what is printed. */
export class Console implements LineWriter {
  readonly #out = plainWriter();
  readonly #isMenuWanted: boolean;
  readonly #colours: boolean;
  #actions: MenuActions | undefined;
  #isWatching = false;
  #restore: (() => void) | undefined;

  /** @param wanted what `--menu` says; undefined where it does not. */
  constructor(session: Session, wanted: boolean | undefined) {
    const variable = session.variable("COMPOSE_MENU");
    const isWanted = wanted ?? (variable === undefined || session.isSet("COMPOSE_MENU"));
    this.#isMenuWanted = isWanted && session.mode() === "tty" && isTerminal(0) && isTerminal(1);
    this.#colours = session.colours(1).enabled;
  }

  async write(descriptor: 1 | 2, bytes: Uint8Array): Promise<void> {
    if (this.#actions === undefined) return this.#out.write(descriptor, bytes);
    // Both are this terminal, unless somebody reads standard error.
    if (descriptor === 2 && !isTerminal(2)) return this.#out.write(2, bytes);
    await this.#out.write(
      1,
      Buffer.concat([ENCODER.encode(ERASE_LINE), bytes, ENCODER.encode(this.#menu())]),
    );
  }

  async line(text: string): Promise<void> {
    await this.write(1, ENCODER.encode(`${text}\n`));
  }

  /** A text for people, on standard error. */
  note(text: string): void {
    void this.write(2, ENCODER.encode(text)).catch(() => {});
  }

  flush(): Promise<void> {
    return this.#out.flush();
  }

  /** Offers keys, where somebody can press them. */
  showMenu(actions: MenuActions): void {
    if (!this.#isMenuWanted) return;
    this.#restore = makeCbreak();
    this.#actions = actions;
    this.#draw();
    void this.#readKeys().catch(() => {});
  }

  /** What the menu offers: to begin to watch, or to end it. */
  setWatching(isOn: boolean): void {
    this.#isWatching = isOn;
    this.#draw();
  }

  hideMenu(): void {
    if (this.#actions === undefined) return;
    this.#actions = undefined;
    void this.#out.write(1, ENCODER.encode(ERASE_LINE)).catch(() => {});
    this.#restore?.();
    this.#restore = undefined;
  }

  async close(): Promise<void> {
    this.hideMenu();
    await this.flush();
  }

  async #readKeys(): Promise<void> {
    for await (const bytes of standardInput()) {
      for (const key of new TextDecoder().decode(bytes)) await this.#press(key);
      if (this.#actions === undefined) return;
    }
  }

  async #press(key: string): Promise<void> {
    const actions = this.#actions;
    if (actions === undefined) return;
    if (key === "d") {
      this.hideMenu();
      actions.detach();
    } else if (key === "w") {
      if (actions.watch === undefined) {
        this.note("None of these services says what to watch: see develop in the Compose Specification\n");
        return;
      }
      this.setWatching(await actions.watch());
    } else if (key === "\r" || key === "\n") {
      // An empty line, as people like to set what comes next apart.
      await this.write(1, ENCODER.encode("\n"));
    }
  }

  #draw(): void {
    if (this.#actions === undefined) return;
    void this.#out.write(1, ENCODER.encode(ERASE_LINE + this.#menu())).catch(() => {});
  }

  /** Shorter than the line, so that it can be erased. */
  #menu(): string {
    const entries = [
      ["w", this.#isWatching ? "Disable Watch" : "Enable Watch"],
      ["d", "Detach"],
    ] as const;
    const { columns } = terminalSize();
    if (columns > 0 && columns < 32) return "";
    if (!this.#colours) return entries.map(([key, text]) => `[${key}] ${text}`).join("   ");
    return entries.map(([key, text]) => `${KEY}${key}${PLAIN}${DIM} ${text}${PLAIN}`).join("   ");
  }
}
