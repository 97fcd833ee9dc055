import { Duplex } from "node:stream";
import { decodeBytes, encodeBytes } from "../../lib/buildkit/index.ts";
import type { ServedCall } from "../../lib/grpc/index.ts";

/** A connection within a call: its bytes go as `BytesMessage`s, both ways (BuildKit's `session/grpchijack`). */
export function callDuplex({ received, send, signal }: ServedCall): Duplex {
  const messages = received[Symbol.asyncIterator]();
  const duplex = new Duplex({
    read() {
      messages.next().then(
        ({ done, value }) => duplex.push(done === true ? null : decodeBytes(value).slice()),
        (error: Error) => duplex.destroy(error),
      );
    },
    write(chunk: Buffer, _encoding, done) {
      // At once: Bun 1.4's HTTP/2 fills its buffer anew before a write that has to wait is done. Its windows bound what waits.
      send(encodeBytes(chunk)).catch((error: Error) => duplex.destroy(error));
      done();
    },
  });
  signal.addEventListener("abort", () => duplex.destroy(), { once: true });
  return duplex;
}
