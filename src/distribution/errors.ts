import { connectionFailure, EngineError, type ErrorKind } from "../lib/index.ts";

/**
 * A registry's refusal. The message is Docker's: the code in lower case with spaces, and what the registry said
 * (OCI distribution-spec, "Error Codes").
 */
export class RegistryError extends EngineError {
  /** `MANIFEST_UNKNOWN`, `DENIED`…; empty where the registry gave none. */
  readonly code: string;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Trying again may help. */
  readonly isTemporary: boolean;
  /** The registry's wish, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    facts: { code?: string; status?: number; isTemporary?: boolean; retryAfterMs?: number | undefined },
    options?: ErrorOptions & { kind?: ErrorKind },
  ) {
    const { code = "", status = 0 } = facts;
    super(options?.kind ?? kindFor(code, status), message, options);
    this.name = "RegistryError";
    this.code = code;
    this.status = status;
    this.isTemporary = facts.isTemporary ?? false;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** What an answer says that is no JSON is shown this far. */
const SHOWN_TEXT_MAX = 200;

/** Codes that say what is wrong better than the status does. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  MANIFEST_UNKNOWN: "NotFound",
  NAME_UNKNOWN: "NotFound",
  BLOB_UNKNOWN: "NotFound",
  UNAUTHORIZED: "Unauthorized",
  DENIED: "Forbidden",
  TOOMANYREQUESTS: "Unavailable",
};

function kindFor(code: string, status: number): ErrorKind {
  const known = KINDS[code];
  if (known !== undefined) return known;
  if (status === 401) return "Unauthorized";
  if (status === 403) return "Forbidden";
  if (status === 404) return "NotFound";
  if (status === 429 || status === 502 || status === 503 || status === 504) return "Unavailable";
  return "System";
}

/** Statuses after which the same request may succeed. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The error that an answer with a failure's status means.
 * @param body the beginning of its body
 * @param retryAfter the header of that name
 */
export function errorOfAnswer(
  status: number,
  statusText: string,
  body: string,
  headers: { retryAfter?: string | null; challengeError?: string | undefined } = {},
): RegistryError {
  const retryAfterMs = parseRetryAfter(headers.retryAfter);
  const first = firstError(body);
  // A bearer challenge tells apart who is unknown and who is known and may not (RFC 6750, 3.1).
  if (status === 401 && headers.challengeError === "insufficient_scope") {
    return new RegistryError("denied: requested access to the resource is denied", {
      code: "DENIED",
      status,
    });
  }
  // Docker Hub's limit on pulls holds for hours: only who says when to come back is asked again.
  const isTemporary = TEMPORARY.has(status) && (status !== 429 || retryAfterMs !== undefined);
  if (first === undefined) {
    if (status === 401) {
      return new RegistryError("unauthorized: authentication required", { code: "UNAUTHORIZED", status });
    }
    const text = status === 429 ? `toomanyrequests: ${printable(body) || "too many requests"}` : undefined;
    return new RegistryError(text ?? `received unexpected HTTP status: ${status} ${statusText}`.trim(), {
      status,
      isTemporary,
      retryAfterMs,
      ...(status === 429 ? { code: "TOOMANYREQUESTS" } : {}),
    });
  }
  const { code, message } = first;
  const words = code.toLowerCase().replaceAll("_", " ");
  return new RegistryError(`${words}: ${printable(message) || words}`, {
    code,
    status,
    isTemporary,
    retryAfterMs,
  });
}

/** The first of `{"errors": [{"code", "message", "detail"}]}`; older registries say `{"details": …}` or nothing. */
function firstError(body: string): { code: string; message: string } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const errors = (json as { errors?: unknown } | null)?.errors;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const { code, message } = first as { code?: unknown; message?: unknown };
  if (typeof code !== "string" || !/^[A-Za-z0-9_ ]{1,64}$/.test(code)) return undefined;
  return {
    code: code.toUpperCase().replaceAll(" ", "_"),
    message: typeof message === "string" ? message : "",
  };
}

/** A stranger's text, as one line without control characters. */
function printable(text: string): string {
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length > SHOWN_TEXT_MAX * 5 ? `${line.slice(0, SHOWN_TEXT_MAX * 5)}…` : line;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function parseRetryAfter(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Failures that no second attempt mends. */
const LASTING = /^(?:ENOTFOUND|EPROTO|ERR_TLS_.*|ERR_SSL_.*|.*CERT.*|.*SIGN.*|ECONNREFUSED)$/;

/** A request that got no answer, as Go words it: `Get "https://registry.example/v2/": connect: connection refused`. */
export function connectionError(method: string, url: URL, error: unknown): RegistryError {
  const { code = "" } = error as { code?: string };
  const verb = method[0]! + method.slice(1).toLowerCase();
  return new RegistryError(
    `${verb} "${withoutSecrets(url)}": ${connectionFailure(url, error)}`,
    { isTemporary: !LASTING.test(code) },
    { kind: "Unavailable", cause: error },
  );
}

/** An address as it may be shown: signed addresses carry secrets in their query, others in the user's part. */
export function withoutSecrets(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}
