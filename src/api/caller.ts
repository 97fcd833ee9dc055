import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "../lib/caller/index.ts";

/** Who is at the other end of a Unix socket, which the daemon's TLS is as well; `undefined` where nobody can tell. */
export type UserOfSocket = (socket: Socket) => string | undefined;

const TEXT_MAX = 200;

/** Who sends a request: over a Unix socket the user, over TCP the address. The client is what it calls itself. */
export function callerOf(request: IncomingMessage, userOfSocket: UserOfSocket): Caller {
  const agent = request.headers["user-agent"];
  return { user: bounded(userOf(request, userOfSocket)), client: bounded(agent ?? "") };
}

function userOf({ socket }: IncomingMessage, userOfSocket: UserOfSocket): string {
  const user = socket.remoteAddress ?? userOfSocket(socket) ?? "unknown";
  return user.replace(/^::ffff:/, "");
}

/** One line, whatever a client calls itself. */
function bounded(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, " ").slice(0, TEXT_MAX);
}
