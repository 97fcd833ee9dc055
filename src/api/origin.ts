import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { forbidden } from "../lib/index.ts";

/**
 * Refuses what a web page could make a browser send to an engine that listens on TCP: a request from a foreign
 * origin, or one to a name that the page's owner points at this machine (DNS rebinding; under TLS the name is what
 * the certificate is for). A unix socket is out of a browser's reach.
 * @throws Forbidden
 */
export function checkOrigin(request: IncomingMessage): void {
  const isEncrypted = "encrypted" in request.socket && request.socket.encrypted === true;
  if (!isEncrypted && request.socket.remoteAddress === undefined) return;
  const host = hostOf(request.headers.host ?? "");
  if (!isEncrypted && !isOwnName(host)) {
    throw forbidden(
      `refused: this engine is not called ${JSON.stringify(host.slice(0, 100))}; use its address or localhost`,
    );
  }
  const { origin } = request.headers;
  if (origin === undefined) return;
  // A page without an origin of its own (a file, a sandboxed frame) says `null`.
  if (!URL.canParse(origin) || !isOwnName(new URL(origin).hostname))
    throw forbidden("refused: a web page may not talk to the engine");
}

/** `127.0.0.1:2375`, `[::1]:2375`, `localhost` without the port. */
function hostOf(header: string): string {
  return header
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
}

/** Names that no public DNS can bring here. `docker` is what clients write where there is no host. */
function isOwnName(host: string): boolean {
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return true;
  return host === "" || host === "localhost" || host.endsWith(".localhost") || host === "docker";
}
