import type { Digest } from "../lib/index.ts";
import type { Report } from "./progress/events.ts";

const LINES = 25;
const BYTES_MAX = 16 << 10;

/** Remembers the last lines that each step printed, for the report of its failure. */
export class LogTails {
  readonly #tails = new Map<Digest, { pieces: Uint8Array[]; bytes: number }>();

  /** Reports that pass through here are listened to. */
  listen(report: Report): Report {
    return (event) => {
      if (event.kind === "log") this.#add(event.vertex, event.bytes);
      // What ended well is asked for no more.
      else if (
        event.kind === "vertex" &&
        event.vertex.completed !== undefined &&
        event.vertex.error === undefined
      )
        this.#tails.delete(event.vertex.digest);
      report(event);
    };
  }

  #add(vertex: Digest, bytes: Uint8Array): void {
    const tail = this.#tails.get(vertex) ?? { pieces: [], bytes: 0 };
    this.#tails.set(vertex, tail);
    tail.pieces.push(bytes);
    tail.bytes += bytes.length;
    while (tail.pieces.length > 1 && tail.bytes - tail.pieces[0]!.length >= BYTES_MAX) {
      tail.bytes -= tail.pieces.shift()!.length;
    }
  }

  of(vertex: Digest): string {
    const text = Buffer.concat(this.#tails.get(vertex)?.pieces ?? []).toString("utf8");
    return text.slice(-BYTES_MAX).trimEnd().split("\n").slice(-LINES).join("\n");
  }
}
