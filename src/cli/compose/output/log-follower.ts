import type { OutputChunk } from "../../../lib/index.ts";
import type { Engine, LogsOptions } from "../../../sdk/index.ts";
import { parseTimestamp } from "../../text/timestamps.ts";
import type { LogPrinter } from "./log-printer.ts";

/** What a follower is told of a container's life; see `watchProject`. */
export interface Turn {
  readonly kind: "created" | "replaced" | "started" | "exited";
  readonly id: string;
  readonly name: string;
  /** Seconds since the epoch, with fraction. */
  readonly time: string;
  readonly exitCode: number;
  readonly restarting: boolean;
  readonly replaces: string;
}

export interface LogFollowerOptions {
  readonly engine: Engine;
  readonly printer: LogPrinter;
  /** How the logs of containers that start later are asked for. */
  readonly logs: LogsOptions;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
  /** Called when nothing more can be shown (nobody reads it any more); `finished` tells why. */
  readonly onFailure: () => void;
}

/** What a container printed last may come this much later than its end. */
const LAST_WORDS_MS = 2_000;

/** Prints the output of containers at once, and of those that start later; says how each ended. */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  /** Streams that are being printed, by the container's id. */
  readonly #streams = new Map<string, Promise<void>>();
  /** Containers whose stream was opened before they start: it shows the whole of their next run. */
  readonly #awaited = new Set<string>();
  /** Containers that have ended since their stream was opened, and when. */
  readonly #ended = new Map<string, string>();
  readonly #running = new Set<Promise<void>>();
  #failure: unknown;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  /**
   * Prints the output of a container that is yet to start, or runs: what it prints from now on. Resolves when the stream is
   * open.
   */
  async attach(id: string, name: string, open: () => Promise<AsyncIterable<OutputChunk>>): Promise<void> {
    this.#awaited.add(id);
    await this.follow(id, name, open);
  }

  /** Prints a container's output; resolves when the stream is open. Its failure is told by `finished`. */
  async follow(id: string, name: string, open: () => Promise<AsyncIterable<OutputChunk>>): Promise<void> {
    const { printer, signal, warn } = this.#options;
    printer.register([name]);
    const opened = open();
    this.#ended.delete(id);
    const stream: Promise<void> = opened
      .then((output) => printer.print(name, output))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        if (isUnreadable(error))
          warn(`Can't retrieve logs for ${JSON.stringify(name)}: ${(error as Error).message}`);
        else this.#fail(error);
      })
      .finally(() => {
        if (this.#streams.get(id) === stream) this.#streams.delete(id);
      });
    this.#streams.set(id, stream);
    this.#keep(stream);
    await opened.catch(() => {});
  }

  /** Takes note of what became of a container. */
  turn(event: Turn): void {
    const { printer } = this.#options;
    switch (event.kind) {
      case "created":
        return;
      case "replaced":
        this.#keep(printer.status(event.replaces, "has been recreated"));
        return;
      case "started":
        // Of a short run the stream may have ended before its start is told.
        if (this.#awaited.delete(event.id)) return;
        this.#keep(this.#restart(event));
        return;
      case "exited": {
        this.#awaited.delete(event.id);
        this.#ended.set(event.id, event.time);
        const again = event.restarting ? " (restarting)" : "";
        const lastWords = Promise.race([this.#streams.get(event.id), Bun.sleep(LAST_WORDS_MS)]);
        this.#keep(
          lastWords.then(() => printer.status(event.name, `exited with code ${event.exitCode}${again}`)),
        );
      }
    }
  }

  /** Resolves when all streams have ended and everything is printed. @throws what one of them failed of. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #restart({ id, name, time }: Turn): Promise<void> {
    const before = this.#streams.get(id);
    const endedAt = this.#ended.get(id);
    // A stream that was opened before the start shows this very run.
    if (before !== undefined && endedAt === undefined) return;
    const { engine, logs, signal } = this.#options;
    await before;
    const since = endedAt ?? (await this.#finishedBefore(id, time));
    await this.follow(id, name, () => engine.containers.logs(id, { ...logs, since, follow: true, signal }));
  }

  /** When it ended before: what it printed until then was shown. Docker counts its first lines as printed before its start. */
  async #finishedBefore(id: string, start: string): Promise<string> {
    const { engine, signal } = this.#options;
    const { FinishedAt = "" } = (await engine.containers.inspect(id, { signal })).State;
    // Go's zero time stands for one that there is not.
    if (FinishedAt.startsWith("0001-")) return "";
    const finished = parseTimestamp(FinishedAt);
    // The run that was just started is over already.
    return Number(finished) > Number(start) ? start : finished;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#options.onFailure();
  }

  #keep(work: Promise<void>): void {
    const kept = work
      .catch((error: unknown) => {
        if (!this.#options.signal.aborted && !isGone(error)) this.#fail(error);
      })
      .finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }
}

/** A log driver that cannot be read, which is no failure. */
function isUnreadable(error: unknown): boolean {
  return (error as { kind?: string }).kind === "NotImplemented" || /logging driver/.test(String(error));
}

function isGone(error: unknown): boolean {
  return (error as { kind?: string }).kind === "NotFound";
}
