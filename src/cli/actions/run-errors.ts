import { describeError, ExitError } from "../errors.ts";

/** A failure of `run` or `create` itself, as Docker's client words it. */
export function commandError(error: unknown, command: "run" | "create", exitCode = 125): ExitError {
  const text = `berth: ${describeError(error)}\n\nRun 'berth ${command} --help' for more information`;
  return new ExitError(exitCode, text, { cause: error });
}

/** The exit code says what went wrong: 127 no such program, 126 it cannot be executed, 125 anything else. */
export function startError(error: unknown): ExitError {
  const message = describeError(error);
  const isMissing =
    /executable file not found|no such file or directory|system cannot find the file specified/;
  if (isMissing.test(message)) return commandError(error, "run", 127);
  return commandError(error, "run", /permission denied|is a directory/.test(message) ? 126 : 125);
}
