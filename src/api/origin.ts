import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { forbidden } from "../lib/index.ts";

/**
 * Refuses what a web page could make a browser send to an engine that listens on TCP: a request from a foreign
 * origin, be it a form's or an image's, or one to a name that the page's owner points at this machine (DNS rebinding;
 * under TLS the name is what the certificate is for). A unix socket is out of a browser's reach.
 *
 * The content type is no help: Docker's client sends `text/plain` with every POST that has no body, as a form may.
 * @param isNetwork whether it came by TCP, where the connection itself does not tell: it may be one of a door's
 * @throws Forbidden
 */
export function checkOrigin(request: IncomingMessage, isNetwork = false): void {
  const isEncrypted = "encrypted" in request.socket && request.socket.encrypted === true;
  if (!isEncrypted && !isNetwork && request.socket.remoteAddress === undefined) return;
  const host = hostOf(request.headers.host ?? "");
  if (!isEncrypted && !isOwnName(host)) {
    throw forbidden(
      `refused: this engine is not called ${JSON.stringify(host.slice(0, 100))}; use its address or localhost`,
    );
  }
  if (isOfForeignPage(request.headers)) throw forbidden("refused: a web page may not talk to the engine");
}

/**
 * Browsers say `Origin` with every POST, but not with the GET of an image or a link; those have `Sec-Fetch-Site`, and
 * in browsers before 2023 at least a `Referer`, unless the page's owner has switched that off. A page of another port of
 * this machine, or of another machine that has no name either, is as foreign as any.
 */
function isOfForeignPage({ host, origin, referer, ...headers }: IncomingMessage["headers"]): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "none" && site !== "same-origin") return true;
  return [origin, referer].some((address) => address !== undefined && !isOfHost(address, host));
}

/** A page without an origin of its own (a file, a sandboxed frame) says `null`. */
function isOfHost(address: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(address) && new URL(address).host === host.toLowerCase();
}

/** `127.0.0.1:2375`, `[::1]:2375`, `localhost` without the port. */
function hostOf(header: string): string {
  return header
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
}

/**
 * Names that no stranger's DNS can bring here: this machine's own is its owner's, and one without a dot is the local
 * network's (`dind`; top-level domains have no addresses, by ICANN's rule SAC053).
 */
function isOwnName(host: string): boolean {
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return true;
  if (host === "" || host.endsWith(".localhost") || /^[a-z][a-z0-9_-]*$/.test(host)) return true;
  return host === hostname().toLowerCase();
}
