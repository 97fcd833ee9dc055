import type { RequestBody } from "./http.ts";

/**
 * A file as a request's body: its bytes, and the open descriptor (`descriptor:device:inode`) by which an engine on this machine
 * reads them itself, which spares both the way through a socket.
 */
export interface OfferedFile extends AsyncIterable<Uint8Array> {
  readonly offer: string;
}

/** The body's file that is offered; undefined where it is none. */
export function offerOf(body: RequestBody | undefined): string | undefined {
  return typeof body === "object" && "offer" in body ? (body as OfferedFile).offer : undefined;
}
