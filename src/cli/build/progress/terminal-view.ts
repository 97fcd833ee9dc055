import type { StatusMessage } from "../../../lib/buildkit/index.ts";
import type { Output } from "../../terminal/output.ts";
import { onResize, type TerminalSize, terminalSize } from "../../terminal/tty.ts";
import { warningsText } from "./plain-view.ts";
import { type Step, Steps } from "./steps.ts";
import { failureText, harmless, partText, seconds } from "./texts.ts";
import type { ProgressView } from "./view.ts";

const REDRAW_MS = 100;
/** Lines of a running step's log. */
const LOG_LINES = 6;

const BLUE = "\x1b[34m";
const RED = "\x1b[31m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/**
 * A line a step with its time, redrawn in place; running steps show the last lines that they print. Where the terminal is
 * too short for all, steps that are over go first.
 */
export class TerminalView implements ProgressView {
  readonly #output: Output;
  readonly #steps = new Steps();
  readonly #began = Date.now();
  readonly #timer: Timer;
  readonly #resize: Disposable;
  readonly #colours: boolean;
  #size: TerminalSize;
  /** Lines that are drawn. */
  #height = 0;

  constructor(output: Output, size = terminalSize(), env = process.env) {
    this.#output = output;
    this.#size = size;
    this.#colours = env["NO_COLOR"] === undefined || env["NO_COLOR"] === "";
    this.#resize = onResize((changed) => {
      this.#size = changed;
    });
    this.#timer = setInterval(() => this.redraw(), REDRAW_MS);
    // The cursor would jump about with the lines.
    output.warn("\x1b[?25l");
  }

  show(message: StatusMessage): void {
    this.#steps.take(message);
  }

  end(failed: boolean): void {
    clearInterval(this.#timer);
    this.#resize[Symbol.dispose]();
    this.#draw(failed ? "ERROR" : "FINISHED");
    this.#output.warn("\x1b[?25h");
    const step = failed ? this.#steps.all.find(({ error }) => error !== "") : undefined;
    if (step !== undefined) this.#output.warn(failureText(step));
    if (this.#steps.warnings.length > 0) this.#output.warn(warningsText(this.#steps.warnings));
  }

  /** What the timer does. */
  redraw(): void {
    this.#draw(undefined);
  }

  #draw(end: "FINISHED" | "ERROR" | undefined): void {
    const lines = this.#lines(end);
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : "";
    // What was below and is no more is wiped away.
    const text = lines.map((line) => `\x1b[2K${line}\n`).join("");
    this.#output.warn(`${up}\r${text}\x1b[J`);
    this.#height = lines.length;
  }

  #lines(end: "FINISHED" | "ERROR" | undefined): string[] {
    const steps = this.#steps.all;
    const done = steps.filter(({ completed }) => completed !== undefined).length;
    const head = `[+] Building ${seconds(Date.now() - this.#began)} (${done}/${steps.length})${end === undefined ? "" : ` ${end}`}`;
    const rows = end === undefined ? Math.max(4, (this.#size.rows || 24) - 2) : Number.POSITIVE_INFINITY;
    const shown = steps.map((step) => ({ step, lines: this.#stepLines(step, end !== undefined) }));
    let total = shown.reduce((sum, { lines }) => sum + lines.length, 0);
    // Those that are over first, then the logs of those that run.
    for (let at = 0; at < shown.length && total > rows; at++) {
      if (shown[at]!.step.completed === undefined) continue;
      total -= shown[at]!.lines.length;
      shown[at]!.lines = [];
    }
    for (let at = 0; at < shown.length && total > rows; at++) {
      total -= Math.max(0, shown[at]!.lines.length - 1);
      shown[at]!.lines = shown[at]!.lines.slice(0, 1);
    }
    return [head, ...shown.flatMap(({ lines }) => lines).slice(-rows)];
  }

  #stepLines(step: Step, ended: boolean): string[] {
    const { name, started, completed, cached, error } = step;
    const columns = Math.max(40, this.#size.columns || 80);
    const time = started === undefined ? "" : seconds((completed ?? Date.now()) - started);
    const text = ` => ${error === "" ? (cached ? "CACHED " : "") : "ERROR "}${harmless(name)}`;
    const line = fit(text, columns - time.length - 1).padEnd(columns - time.length - 1) + time;
    const colour = error !== "" ? RED : completed !== undefined ? BLUE : "";
    const lines = [this.#coloured(colour, line)];
    if (completed !== undefined || ended) return lines;
    for (const part of step.parts.values()) {
      if (part.completed === undefined) lines.push(fit(` => => ${harmless(partText(part))}`, columns));
    }
    const logs = step.lines.slice(-LOG_LINES).map((log) => fit(` => => # ${harmless(log)}`, columns));
    return [...lines, ...logs.map((log) => this.#coloured(DIM, log))];
  }

  #coloured(colour: string, text: string): string {
    return colour === "" || !this.#colours ? text : `${colour}${text}${PLAIN}`;
  }
}

/** Cut where the terminal would break it. */
function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 3))}...`;
}
