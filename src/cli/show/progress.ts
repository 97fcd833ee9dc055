import type { JsonMessage } from "../../wire/index.ts";
import { humanSize } from "../text/units.ts";

export interface ProgressOptions {
  /** Prints text exactly. */
  readonly print: (text: string) => void;
  /** Lines are redrawn where they stand. */
  readonly isTerminal: boolean;
  readonly columns?: number;
  /** Told each message's `aux`. */
  readonly onAux?: (aux: unknown) => void;
}

/**
 * Shows the progress of a pull, a push, a load or a build: one line an id, redrawn on a terminal; elsewhere
 * only what is final.
 * @throws with the failure's text, when the engine reports one.
 */
export async function showProgress(
  messages: AsyncIterable<JsonMessage>,
  options: ProgressOptions,
): Promise<void> {
  const screen = new ProgressScreen(options);
  for await (const message of messages) {
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined && error !== "") throw new Error(error);
    if (message.aux !== undefined && message.aux !== null) {
      options.onAux?.(message.aux);
      if (message.status === undefined && message.stream === undefined) continue;
    }
    screen.show(message);
  }
}

export class ProgressScreen {
  readonly #print: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #columns: number;
  /** Which line, from the top, belongs to an id. */
  readonly #lines = new Map<string, number>();

  constructor({ print, isTerminal, columns = 80 }: ProgressOptions) {
    this.#print = print;
    this.#isTerminal = isTerminal;
    this.#columns = columns;
  }

  show(message: JsonMessage): void {
    const { stream, id = "", status = "", progressDetail } = message;
    if (stream !== undefined && stream !== "") {
      this.#print(stream);
      return;
    }
    const isMoving = progressDetail?.current !== undefined || progressDetail?.total !== undefined;
    const label = id === "" ? "" : `${id}: `;
    if (!this.#isTerminal) {
      if (!isMoving) this.#print(`${label}${status}\n`);
      return;
    }
    const bar = isMoving
      ? ` ${progressBar(progressDetail?.current ?? 0, progressDetail?.total ?? 0, this.#columns)}`
      : "";
    if (id === "" || progressDetail === undefined) this.#print(`${label}${status}\n`);
    else this.#redraw(id, `${label}${status}${bar}`);
    if (id === "") this.#lines.clear();
  }

  #redraw(id: string, text: string): void {
    const known = this.#lines.get(id);
    const line = known ?? this.#lines.size;
    if (known === undefined) {
      this.#lines.set(id, line);
      this.#print("\n");
    }
    const up = this.#lines.size - line;
    this.#print(`\x1b[${up}A\x1b[2K\r${text}\r\x1b[${up}B`);
  }
}

/** `[====>      ]  1.2MB/3.4MB`; without a total, the amount alone. */
export function progressBar(current: number, total: number, columns: number): string {
  if (total <= 0) return humanSize(current);
  const width = Math.max(10, Math.min(50, columns - 60));
  const done = Math.min(width, Math.floor((current / total) * width));
  const bar = `${"=".repeat(done)}${done < width ? `>${" ".repeat(width - done - 1)}` : ""}`;
  return `[${bar}] ${humanSize(current).padStart(8)}/${humanSize(total)}`;
}
