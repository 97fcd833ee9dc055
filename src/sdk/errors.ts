import { EngineError, type ErrorKind } from "../lib/index.ts";
import type { ErrorResponse } from "../wire/index.ts";

/** The engine answered and refused. The message is the engine's own, without a prefix. */
export class ResponseError extends EngineError {
  readonly status: number;
  /** What the engine calls itself; empty where it does not say. */
  readonly server: string;

  constructor(status: number, message: string, server = "") {
    super(kindOfStatus(status), message);
    this.name = "ResponseError";
    this.status = status;
    this.server = server;
  }
}

/** No engine could be reached: `code` says why (`ENOENT`, `ECONNREFUSED`, `EACCES`, …). */
export class ConnectionError extends EngineError {
  readonly code: string;
  /** As Docker prints it: `unix:///var/run/berth.sock`. */
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super("Unavailable", connectionMessage(address, codeOf(cause)), { cause });
    this.name = "ConnectionError";
    this.code = codeOf(cause);
    this.address = address;
  }
}

/** Something was reached, by TLS or ssh, and does not pass for our engine, or does not let us in. The message says why. */
export class HandshakeError extends EngineError {
  constructor(message: string, cause?: unknown) {
    super("Unavailable", message, { cause });
    this.name = "HandshakeError";
  }
}

const KINDS: Readonly<Record<number, ErrorKind>> = {
  304: "NotModified",
  400: "InvalidParameter",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  501: "NotImplemented",
  503: "Unavailable",
};

function kindOfStatus(status: number): ErrorKind {
  return KINDS[status] ?? "System";
}

/** The error in a response's body: JSON with a message, or whatever text a proxy wrote. */
export function responseError(status: number, body: string, server = ""): ResponseError {
  return new ResponseError(status, messageIn(body) ?? `request returned status ${status}`, server);
}

function messageIn(body: string): string | undefined {
  const text = body.trim();
  if (text === "") return undefined;
  try {
    const parsed = JSON.parse(text) as Partial<ErrorResponse> | null;
    if (typeof parsed?.message === "string") return parsed.message.trim();
  } catch {
    // No JSON: a proxy's page, or an engine of another kind.
  }
  return text;
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function connectionMessage(address: string, code: string): string {
  if (code === "EACCES" || code === "EPERM") {
    return `permission denied while trying to connect to the engine's socket at ${address}`;
  }
  return `Cannot connect to the engine at ${address}. Is it running?`;
}
