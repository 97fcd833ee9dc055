import type { Readable } from "node:stream";
import type { StreamInput } from "../../lib/index.ts";

/**
 * Carries what a client sends to a process, no faster than the process reads it. The client's half-close ends
 * the process's input; a connection that breaks ends it too. A process that no longer takes input lets the
 * rest run dry, so that the client's own writes don't block for ever.
 */
export function pumpInput(source: Readable, input: StreamInput, first?: Uint8Array): void {
  let last: Promise<void> = Promise.resolve();
  let refused = false;
  const take = (bytes: Uint8Array) => {
    if (refused) return;
    source.pause();
    last = last
      .then(() => input.write(bytes))
      .catch(() => {
        refused = true;
      })
      .then(() => {
        source.resume();
      });
  };
  const end = () => {
    last = last.then(() => input.end()).catch(() => {});
  };
  if (first !== undefined && first.length > 0) take(first);
  // 'close' without 'end': the connection broke. Ending twice does no harm.
  source
    .on("data", take)
    .on("end", end)
    .on("close", end)
    .on("error", () => {});
}
