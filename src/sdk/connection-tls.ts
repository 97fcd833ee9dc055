import { messageOf } from "../lib/index.ts";
import type { Connection } from "./connection.ts";
import { HandshakeError } from "./errors.ts";

/** Puts what the library for TLS says into the words that Docker's client has for it, as far as there are any. */
export function describeTlsError(error: unknown): string {
  const message = messageOf(error);
  const { code = "" } = (error ?? {}) as { code?: unknown };
  // BoringSSL: `error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED`.
  const [, alert] = /(?:SSLV3|TLSV1|TLSV13)_ALERT_([A-Z_]+)/.exec(message) ?? [];
  if (alert !== undefined) return `remote error: tls: ${alert.toLowerCase().replaceAll("_", " ")}`;
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST/.test(message))
    return "http: server gave HTTP response to HTTPS client";
  if (message === "EOF") return "EOF: the engine closed the connection";
  if (typeof code === "string" && /CERT|UNABLE_TO|SELF_SIGNED/.test(code))
    return `tls: failed to verify certificate: ${message}`;
  return `tls: ${message}`;
}

/**
 * A connection whose handshake has succeeded. The engine looks at our certificate last: what it thinks of it is known
 * when something is read.
 */
export class TlsConnection implements Connection {
  readonly #inner: Connection;
  #received = false;

  constructor(inner: Connection) {
    this.#inner = inner;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  end(): void {
    this.#inner.end();
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.#inner.read().catch((error: unknown) => {
      throw /OPENSSL|SSL routines/.test(messageOf(error))
        ? new HandshakeError(describeTlsError(error), error)
        : error;
    });
    if (bytes === undefined && !this.#received) {
      throw new HandshakeError(
        "EOF: the engine closed the connection without a word, as one does that does not accept this client's certificate",
      );
    }
    this.#received = true;
    return bytes;
  }

  close(reason?: unknown): void {
    this.#inner.close(reason);
  }
}
