import { DockerfileError, type LineRange, renderDockerfileError } from "../lib/dockerfile/index.ts";
import { EngineError, kindOf, messageOf } from "../lib/index.ts";
import { withoutCredentials } from "./credentials.ts";

export interface BuildFailure {
  readonly cause: unknown;
  readonly fileName: string;
  readonly fileText: string;
  readonly lines: LineRange | undefined;
  /** The step as it is shown; undefined where it did not come to steps. */
  readonly step: string | undefined;
  /** The last lines that the step printed. */
  readonly logTail: string;
}

/** Lines of the Dockerfile that are shown before and after those of the step. */
const LINES_AROUND = 3;
const LINES_SHOWN_MAX = 20;
const RULE = "-".repeat(20);

/** A build that failed at a place of its Dockerfile. The message is the reason alone. */
export class BuildFailed extends EngineError {
  readonly failure: BuildFailure;

  constructor(failure: BuildFailure) {
    super(kindOf(failure.cause), messageOf(failure.cause), { cause: failure.cause });
    this.name = "BuildFailed";
    this.failure = failure;
  }

  /** The reason with the file, the line, and the lines around it, as BuildKit's clients show it; without passwords of addresses. */
  render(): string {
    return withoutCredentials(this.#render());
  }

  #render(): string {
    const { cause, fileName, fileText, lines } = this.failure;
    if (lines === undefined) return this.message;
    if (cause instanceof DockerfileError) {
      const shown = renderDockerfileError(cause, fileName, fileText);
      return shown.slice(0, -cause.reason.length) + this.message;
    }
    const all = fileText.split(/\r?\n/);
    const first = Math.max(1, lines.start - LINES_AROUND);
    const last = Math.min(all.length, lines.end + LINES_AROUND, first + LINES_SHOWN_MAX);
    const width = Math.max(4, String(last).length);
    const shown = [];
    for (let number = first; number <= last; number++) {
      const mark = number >= lines.start && number <= lines.end ? ">>>" : "   ";
      shown.push(`${String(number).padStart(width)} | ${mark} ${all[number - 1]}`.trimEnd());
    }
    return [`${fileName}:${lines.start}`, RULE, ...shown, RULE, this.message].join("\n");
  }
}
