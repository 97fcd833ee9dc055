import type { ErrorKind } from "../lib/index.ts";

const STATUS: Readonly<Record<ErrorKind, number>> = {
  NotModified: 304,
  InvalidParameter: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  System: 500,
  NotImplemented: 501,
  Unavailable: 503,
};

/** The only place where a kind of failure becomes an HTTP status: those that Docker gives. */
export function statusOf(kind: ErrorKind): number {
  return STATUS[kind];
}
