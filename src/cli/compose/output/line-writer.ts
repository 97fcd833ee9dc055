import { Sink } from "../../terminal/sink.ts";

/** Where lines go: to stdout or stderr, whole ones at a time. */
export interface LineWriter {
  /** Resolves when there is room for more. */
  write(descriptor: 1 | 2, bytes: Uint8Array): Promise<void>;
  flush(): Promise<void>;
}

/** Straight to the descriptors. */
export function plainWriter(): LineWriter {
  const sinks = { 1: new Sink(1), 2: new Sink(2) };
  return {
    write: (descriptor, bytes) => sinks[descriptor].write(bytes),
    async flush() {
      await sinks[1].flush();
      await sinks[2].flush();
    },
  };
}
