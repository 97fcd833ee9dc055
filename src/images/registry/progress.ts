import type { JsonMessage } from "../../wire/index.ts";

export type Report = (message: JsonMessage) => void;

/** Progress of one thing is told so often at most. */
const TOLD_EVERY_MS = 100;
const BAR_WIDTH = 50;

/** Tells of one layer: what is said in words at once, what moves now and then. */
export class LayerProgress {
  readonly #report: Report;
  readonly #id: string;
  #movedAt = 0;
  #last = "";

  constructor(report: Report, id: string) {
    this.#report = report;
    this.#id = id;
  }

  /** `Pull complete`. */
  say(status: string): void {
    if (status === this.#last) return;
    this.#last = status;
    this.#movedAt = 0;
    this.#report({ status, progressDetail: {}, id: this.#id });
  }

  /** `Downloading [==>  ]  1.2MB/4MB`. */
  move(status: string, current: number, total: number): void {
    const now = performance.now();
    if (current < total && now - this.#movedAt < TOLD_EVERY_MS) return;
    this.#movedAt = now;
    this.#last = status;
    this.#report({ status, progressDetail: { current, total }, progress: bar(current, total), id: this.#id });
  }
}

/** As Docker draws it: some clients print it as it comes. */
function bar(current: number, total: number): string {
  const filled = total > 0 ? Math.min(BAR_WIDTH, Math.floor((current / total) * BAR_WIDTH)) : 0;
  const drawn = `${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}`;
  return `[${drawn}] ${humanSize(current).padStart(8)}/${humanSize(total)}`;
}

/** go-units' `HumanSize`: four digits, powers of 1000. */
function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
