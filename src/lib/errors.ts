/**
 * The closed set of ways in which berth fails. Rooms throw these; only `api/` turns a kind into an
 * HTTP status and only `cli/` turns a status into an exit code.
 */
export type ErrorKind =
  | "NotFound"
  | "Conflict"
  | "NotModified"
  | "InvalidParameter"
  | "Unauthorized"
  | "Forbidden"
  | "NotImplemented"
  | "Unavailable"
  | "System";

/** An error a user may see: a kind for programs, and a message in the words Docker uses, for scripts. */
export class EngineError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.kind = kind;
  }
}

export const notFound = (message: string, cause?: unknown) => new EngineError("NotFound", message, { cause });
export const conflict = (message: string, cause?: unknown) => new EngineError("Conflict", message, { cause });
export const notModified = (message: string) => new EngineError("NotModified", message);
export const invalidParameter = (message: string, cause?: unknown) =>
  new EngineError("InvalidParameter", message, { cause });
export const forbidden = (message: string, cause?: unknown) =>
  new EngineError("Forbidden", message, { cause });
export const notImplemented = (message: string) => new EngineError("NotImplemented", message);
export const unavailable = (message: string, cause?: unknown) =>
  new EngineError("Unavailable", message, { cause });
export const systemError = (message: string, cause?: unknown) =>
  new EngineError("System", message, { cause });

/** The kind of any thrown value; whatever is not an `EngineError` is a `System` failure. */
export function kindOf(error: unknown): ErrorKind {
  return error instanceof EngineError ? error.kind : "System";
}

/** A one-line text for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
