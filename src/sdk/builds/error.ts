import { EngineError } from "../../lib/index.ts";

/** A build failed; the message is the engine's own, with the lines of the Dockerfile where it has them. */
export class BuildError extends EngineError {
  constructor(message: string, cause?: unknown) {
    super("System", message, { cause });
    this.name = "BuildError";
  }
}
