import type { Progress } from "../../../compose/index.ts";
import { displayWidth, ellipsis } from "../../show/table.ts";
import type { TerminalSize } from "../../terminal/tty.ts";
import { humanSize } from "../../text/units.ts";
import { visible } from "../../text/visible.ts";
import { BLUE, type Colours, GREEN, RED, YELLOW } from "../colours.ts";
import { type ListView, oneLine } from "./view.ts";

export interface ScreenOptions {
  /** Prints exactly this text. */
  readonly print: (text: string) => void;
  /** The line of a warning. */
  readonly warning: (message: string) => string;
  /** What the list is headed by. */
  readonly title: string;
  readonly dryRun: boolean;
  readonly colours: Colours;
  /** 0 × 0 where nothing is known. */
  readonly size: () => TerminalSize;
  /** Milliseconds; another clock for tests. */
  readonly now?: () => number;
}

interface Item extends Progress {
  readonly startedMs: number;
  endedMs: number | undefined;
}

const SPINNER = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];
const FRAME_MS = 100;
const BAR = [" ", "⡀", "⣀", "⣄", "⣤", "⣦", "⣶", "⣷", "⣿"];
const USUAL_SIZE: TerminalSize = { rows: 24, columns: 80 };
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

/** Steps that say nothing new where a container's output tells that it runs. */
const EXPECTED = new Set(["Creating", "Created", "Starting", "Started", "Running", "Recreate", "Recreated"]);

/**
 * A list on the terminal, one line a resource, redrawn where it stands: what it does, with a spinner until that is done,
 * and how long it took. What does not fit the terminal's height is folded: first the parts of pulls, then what is done.
 */
export class Screen implements ListView {
  readonly #options: ScreenOptions;
  readonly #items = new Map<string, Item>();
  readonly #now: () => number;
  /** Lines that the list takes on the terminal now. */
  #drawnLines = 0;
  #timer: Timer | undefined;
  #isDirty = false;
  #isSuspended = false;
  /** The list is finished, and others print: where the lines of steps go. */
  #asLines: ((text: string) => void) | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  progress(progress: Progress): void {
    if (this.#asLines !== undefined) {
      this.#line(progress, this.#asLines);
      return;
    }
    const key = `${progress.parent ?? ""}\n${progress.id}`;
    const before = this.#items.get(key);
    const isOver = progress.status !== "working";
    const startedMs = before?.startedMs ?? this.#now();
    this.#items.set(key, { ...progress, startedMs, endedMs: isOver ? this.#now() : undefined });
    this.#isDirty = true;
    this.#timer ??= setInterval(() => this.draw(), FRAME_MS);
  }

  warn(message: string): void {
    const line = `${this.#options.warning(message)}\n`;
    if (this.#asLines !== undefined) {
      this.#asLines(line);
      return;
    }
    this.#clear();
    this.#options.print(line);
    if (this.#items.size > 0) this.draw();
  }

  besideOutput(print: (text: string) => void): void {
    this.finish();
    this.#asLines = print;
  }

  suspend(): void {
    this.#clear();
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
    this.draw();
  }

  finish(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#isDirty) this.draw();
    this.#items.clear();
    this.#drawnLines = 0;
  }

  /** Draws the list where it stands. */
  draw(): void {
    if (this.#items.size === 0 || this.#isSuspended) return;
    this.#isDirty = [...this.#items.values()].some(({ endedMs }) => endedMs === undefined);
    const size = this.#options.size();
    const { rows, columns } = size.columns > 0 ? size : USUAL_SIZE;
    const lines = this.#lines(rows, columns);
    const up = this.#drawnLines === 0 ? "" : `\x1b[${this.#drawnLines}A`;
    const text = lines.map((line) => `\x1b[2K${line}\n`).join("");
    // A list that got shorter leaves nothing below.
    const rest = lines.length < this.#drawnLines ? "\x1b[J" : "";
    this.#options.print(`${HIDE_CURSOR}${up}\r${text}${rest}${SHOW_CURSOR}`);
    this.#drawnLines = lines.length;
  }

  #clear(): void {
    if (this.#drawnLines > 0) this.#options.print(`\x1b[${this.#drawnLines}A\r\x1b[J`);
    this.#drawnLines = 0;
  }

  #lines(rows: number, columns: number): string[] {
    const all = [...this.#items.values()];
    const tops = all.filter(({ parent }) => parent === undefined);
    const ids = new Set(tops.map(({ id }) => id));
    const partsOf = (id: string) => all.filter(({ parent }) => parent === id);
    const orphans = all.filter(({ parent }) => parent !== undefined && !ids.has(parent));
    const done = tops.filter(({ endedMs }) => endedMs !== undefined).length;
    const dry = this.#options.dryRun ? " (dry run)" : "";
    const head = `[+] ${this.#options.title}${dry} ${done}/${tops.length}`;
    const room = Math.max(1, rows - 2);

    const listed = [...tops, ...orphans];
    const isWhole = listed.length + all.length - tops.length - orphans.length <= room;
    const shown = isWhole ? listed : fold(listed, room);
    const widest = Math.max(...shown.map(({ id }) => displayWidth(visible(id))));
    const lines = shown.flatMap((item) => {
      const parts = partsOf(item.id);
      const own = this.#itemLine(item, parts, widest, columns, " ");
      return isWhole
        ? [own, ...parts.map((part) => this.#itemLine(part, [], widest - 2, columns, "   "))]
        : [own];
    });
    const hidden = listed.length - shown.length;
    return [head, ...lines, ...(hidden > 0 ? [` … ${hidden} more`] : [])];
  }

  #itemLine(item: Item, parts: readonly Item[], widest: number, columns: number, indent: string): string {
    const { paint } = this.#options.colours;
    const time = `${(((item.endedMs ?? this.#now()) - item.startedMs) / 1000).toFixed(1)}s`;
    const id = visible(item.id);
    const label = `${id}${" ".repeat(Math.max(0, widest - displayWidth(id)))}`;
    const words = [progressBar(item, parts), oneLine(item.text), oneLine(item.detail ?? "")].filter(
      (text) => text !== "",
    );
    const left = displayWidth(`${indent}x ${label} `);
    const fitting = ellipsis(visible(words.join(" ")), Math.max(8, columns - left - time.length - 1));
    const gap = Math.max(1, columns - left - displayWidth(fitting) - time.length);
    const { icon, colour } = this.#look(item);
    const text = item.endedMs === undefined ? fitting : paint(colour, fitting);
    return `${indent}${paint(colour, icon)} ${label} ${text}${" ".repeat(gap)}${paint(BLUE, time)}`;
  }

  #look({ status }: Item): { icon: string; colour: string } {
    switch (status) {
      case "done":
        return { icon: "✔", colour: GREEN };
      case "warning":
        return { icon: "!", colour: YELLOW };
      case "error":
        return { icon: "✘", colour: RED };
      case "working":
        return { icon: SPINNER[Math.floor(this.#now() / FRAME_MS) % SPINNER.length]!, colour: YELLOW };
    }
  }

  #line({ id, status, text, detail = "" }: Progress, print: (text: string) => void): void {
    if (status !== "error" && EXPECTED.has(text)) return;
    const { paint } = this.#options.colours;
    if (id === "Compose") {
      print(`${paint(`1;${RED}`, visible(detail))}\n`);
      return;
    }
    const colour = status === "error" ? RED : status === "warning" ? YELLOW : GREEN;
    print(`${visible(id)} ${paint(colour, visible(oneLine(text)))} ${visible(oneLine(detail))}\n`);
  }
}

/** What is under way, then what went wrong, then what is done, as far as there is room; in its own order. */
function fold(items: readonly Item[], room: number): readonly Item[] {
  if (items.length <= room) return items;
  const rank = ({ status }: Item) => (status === "working" ? 0 : status === "done" ? 2 : 1);
  const kept = new Set([...items].sort((a, b) => rank(a) - rank(b)).slice(0, room - 1));
  return items.filter((item) => kept.has(item));
}

/** `[⣿⣿⣤ ] 12.3MB / 45MB` of a pull: one sign a part, and the amounts together. */
function progressBar(item: Item, parts: readonly Item[]): string {
  if (item.endedMs !== undefined) return "";
  const measured = (parts.length > 0 ? parts : [item]).filter(({ total, endedMs }) => total || endedMs);
  if (measured.length === 0 || (parts.length === 0 && !item.total)) return "";
  const signs = measured.map(({ current = 0, total, endedMs }) => {
    const share = endedMs !== undefined ? 1 : total ? Math.min(1, current / total) : 0;
    return BAR[Math.floor(share * (BAR.length - 1))]!;
  });
  const sum = (pick: (one: Item) => number) => measured.reduce((all, one) => all + pick(one), 0);
  const total = sum((one) => one.total ?? 0);
  const current = sum(({ current: now = 0, total: all = 0, endedMs }) => (endedMs !== undefined ? all : now));
  const amounts = total > 0 ? ` ${humanSize(current, 3)} / ${humanSize(total, 3)}` : "";
  return `[${signs.join("")}]${amounts}`;
}
