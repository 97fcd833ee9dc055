import { EngineError, type ErrorKind } from "../lib/index.ts";

/** A runtime or monitor refused or failed. The message is Docker's text around the runtime's own words. */
export class RuntimeError extends EngineError {
  /** What Docker makes the container's exit code of it: 127 not found, 126 not executable, else 128. */
  readonly exitCode: 126 | 127 | 128;

  constructor(kind: ErrorKind, message: string, exitCode: 126 | 127 | 128, options?: ErrorOptions) {
    super(kind, message, options);
    this.name = "RuntimeError";
    this.exitCode = exitCode;
  }
}
