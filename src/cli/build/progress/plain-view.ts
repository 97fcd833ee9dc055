import type { StatusMessage, StatusProgress } from "../../../lib/buildkit/index.ts";
import type { Output } from "../../terminal/output.ts";
import { type Change, type Step, Steps } from "./steps.ts";
import { failureText, harmless, partText, seconds } from "./texts.ts";
import type { ProgressView } from "./view.ts";

/** How long a step keeps the word while others have something to say, so that lines do not mix (BuildKit's rule of thumb). */
const TURN_MS = 1000;
/** From when on a transfer that goes on is told of. */
const LONG_MS = 1000;

/** Lines after each other, each with its step's number, for logs: as BuildKit's `--progress=plain`. */
export class PlainView implements ProgressView {
  readonly #output: Output;
  readonly #steps = new Steps();
  /** Lines that wait for their step's turn. */
  readonly #waiting = new Map<Step, string[]>();
  readonly #shownParts = new Map<string, string>();
  readonly #over = new Set<Step>();
  #current: Step | undefined;
  #turnEnds = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  show(message: StatusMessage): void {
    for (const change of this.#steps.take(message)) this.#queue(change);
    this.#print(false);
  }

  end(failed: boolean): void {
    this.#print(true);
    const step = failed
      ? this.#steps.all.find(({ error }) => error !== "" && !isCancelled(error))
      : undefined;
    if (step !== undefined) this.#output.warn(failureText(step));
    const { warnings } = this.#steps;
    if (warnings.length > 0) this.#output.warn(warningsText(warnings));
  }

  #queue({ step, vertex, part, lines, time }: Change): void {
    const waiting = this.#waiting.get(step) ?? [];
    this.#waiting.set(step, waiting);
    if (lines !== undefined) waiting.push(...lines.map((line) => this.#logLine(step, line, time)));
    if (part !== undefined) this.#queuePart(step, part, waiting);
    if (vertex === undefined || this.#over.has(step)) return;
    if (step.completed === undefined && !step.cached) return;
    waiting.push(
      ...this.#steps.unfinishedLines(step).map((line) => this.#logLine(step, line, step.completed)),
    );
    if (step.completed === undefined) return;
    this.#over.add(step);
    waiting.push(endLine(step));
  }

  /** A transfer is told when it has ended and, where that takes a while, once before. */
  #queuePart(step: Step, part: StatusProgress, waiting: string[]): void {
    const { started, completed, time } = part;
    // Engines may tell of a step's end before that of its parts.
    if (this.#over.has(step)) return;
    const key = `${step.digest}/${part.id}`;
    const told = this.#shownParts.get(key);
    const text = harmless(partText(part));
    const isLong = started !== undefined && time !== undefined && time - started > LONG_MS;
    if (completed === undefined ? told !== undefined || !isLong : told === text) return;
    this.#shownParts.set(key, text);
    waiting.push(text);
  }

  #logLine({ started }: Step, line: string, time: number | undefined): string {
    const since = started === undefined || time === undefined ? 0 : time - started;
    return `${(Math.max(0, since) / 1000).toFixed(3)} ${harmless(line)}`.trimEnd();
  }

  /** One step after another, each as long as it has something to say. */
  #print(all: boolean): void {
    const inOrder = [...this.#waiting].sort(([a], [b]) => a.number - b.number);
    for (const [step, lines] of inOrder) {
      if (lines.length === 0 && !(step === this.#current)) continue;
      if (!all && this.#current !== undefined && step !== this.#current && !this.#turnIsOver()) continue;
      this.#say(step, lines.splice(0));
      if (this.#over.has(step)) {
        this.#waiting.delete(step);
        this.#output.warn("\n");
        this.#current = undefined;
      }
    }
    // Others may have waited for the one that has ended.
    if (this.#current === undefined && [...this.#waiting.values()].some((lines) => lines.length > 0))
      this.#print(all);
  }

  #turnIsOver(): boolean {
    const current = this.#current;
    return current === undefined || this.#over.has(current) || performance.now() > this.#turnEnds;
  }

  #say(step: Step, lines: readonly string[]): void {
    const prefix = `#${step.number} `;
    let text = "";
    if (step !== this.#current) {
      if (this.#current !== undefined) text += `#${this.#current.number} ...\n\n`;
      text += `${prefix}${harmless(step.name)}\n`;
      this.#current = step;
      this.#turnEnds = performance.now() + TURN_MS;
    }
    for (const line of lines) text += `${prefix}${line}\n`;
    this.#output.warn(text);
  }
}

const isCancelled = (error: string) => /context canceled/.test(error);

function endLine({ error, cached, started, completed }: Step): string {
  if (error !== "") return isCancelled(error) ? "CANCELED" : `ERROR: ${harmless(error)}`;
  if (cached) return "CACHED";
  return `DONE ${seconds((completed ?? 0) - (started ?? completed ?? 0))}`;
}

/** What the engine's checks found, at the end where it is seen. */
export function warningsText(warnings: readonly { readonly short: string }[]): string {
  const count = `${warnings.length} warning${warnings.length === 1 ? "" : "s"} found:`;
  // The text says which line it is about, as BuildKit's does.
  const lines = warnings.map(({ short }) => ` - ${harmless(short)}`);
  return `\n ${count}\n${lines.join("\n")}\n`;
}
