import { isDebug, log } from "../lib/index.ts";

/** Tells the debug log where the time of an operation went; costs nothing where nobody listens. */
export class Stopwatch {
  readonly #laps: Record<string, number> = {};
  #last = isDebug() ? performance.now() : 0;

  lap(name: string): void {
    if (!isDebug()) return;
    const now = performance.now();
    this.#laps[name] = Math.round((now - this.#last) * 10) / 10;
    this.#last = now;
  }

  report(message: string, container: string): void {
    if (isDebug()) log.debug(message, { container: container.slice(0, 12), ...this.#laps });
  }
}
