import { EngineError } from "../../lib/index.ts";

/** The process of a `RUN` ended with something else than 0. */
export class ProcessFailed extends EngineError {
  readonly args: readonly string[];
  readonly exitCode: number;

  /** @param note what else is known: `out of memory` */
  constructor(args: readonly string[], exitCode: number, note?: string) {
    const why = note === undefined ? "" : `: ${note}`;
    super(
      "InvalidParameter",
      `process ${JSON.stringify(args.join(" "))} did not complete successfully: exit code: ${exitCode}${why}`,
    );
    this.name = "ProcessFailed";
    this.args = args;
    this.exitCode = exitCode;
  }
}
