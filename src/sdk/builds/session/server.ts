import { type Handlers, serveCalls } from "../../../lib/grpc/index.ts";
import type { Connection } from "../../connection.ts";
import { asDuplex } from "./duplex.ts";

/** Each pattern of an ignore file is a header: of these there may be many more than HTTP/2 has by itself. */
const BOUNDS = { headerPairs: 100_000, headerBytes: 16 << 20 };

/** Answers the engine's calls over a connection that was upgraded for it, until it is closed. */
export function serveEngine(connection: Connection, handlers: Handlers): { close(): void } {
  const serving = serveCalls(asDuplex(connection), handlers, BOUNDS);
  return {
    close() {
      serving.close();
      connection.close();
    },
  };
}
