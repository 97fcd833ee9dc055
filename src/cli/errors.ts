import { messageOf } from "../lib/index.ts";
import { ConnectionError, HandshakeError, ResponseError } from "../sdk/index.ts";

/** Ends the command with this exit code; an empty message ends it silently. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message = "", options?: ErrorOptions) {
    super(message, options);
    this.name = "ExitError";
    this.exitCode = exitCode;
  }
}

/** The command line is not as it should be. */
export class UsageError extends ExitError {
  /** The flags that the command has. */
  readonly flags: readonly string[];

  constructor(exitCode: number, message: string, flags: readonly string[]) {
    super(exitCode, message);
    this.flags = flags;
  }
}

/** Several failures of one command, each on a line of its own. */
export function joinErrors(errors: readonly unknown[]): void {
  if (errors.length > 0) throw new ExitError(1, errors.map(describeError).join("\n"));
}

/** What a person reads of a failure. */
export function describeError(error: unknown): string {
  // Docker's client prefixes what the engine said, and scripts match it.
  if (error instanceof ResponseError) return `Error response from daemon: ${error.message}`;
  if (error instanceof ConnectionError) return connectionAdvice(error);
  if (error instanceof HandshakeError) return `error during connect: ${error.message}`;
  return messageOf(error);
}

function connectionAdvice(error: ConnectionError): string {
  const { address, code } = error;
  if (code === "EACCES" || code === "EPERM") {
    return `permission denied while trying to connect to the berth daemon socket at ${address}: become root, or join the group that owns the socket`;
  }
  return `Cannot connect to the berth daemon at ${address}. Is the berth daemon running? Start one with: sudo berth daemon`;
}
