import { Duplex } from "node:stream";
import type { Connection } from "../../connection.ts";

/** A connection as Node's HTTP/2 wants it. */
export function asDuplex(connection: Connection): Duplex {
  return new Duplex({
    allowHalfOpen: true,
    read() {
      connection.read().then(
        (bytes) => this.push(bytes ?? null),
        (error) => this.destroy(error as Error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      // The bytes are the caller's again when it returns; ours may go out later.
      connection.write(chunk).then(
        () => done(),
        (error) => done(error as Error),
      );
    },
    final(done) {
      connection.end();
      done();
    },
    destroy(error, done) {
      connection.close(error ?? undefined);
      done(error);
    },
  });
}
