import { O_CLOEXEC } from "../constants.ts";
import { check, libc } from "../libc.ts";

/** A pipe(7): what is written to one descriptor is read from the other. Close both; a child gets neither unless told. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/**
 * For processes whose standard streams must be pipes: those of `Bun.spawn` are sockets, which nobody can open again as
 * /dev/stdout.
 */
export function createPipe(): Pipe {
  const ends = new Int32Array(2);
  check("pipe2", libc.pipe2(new Uint8Array(ends.buffer), O_CLOEXEC));
  return { read: ends[0]!, write: ends[1]! };
}
