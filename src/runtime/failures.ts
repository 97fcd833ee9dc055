import { readFileSync } from "node:fs";
import type { FailedStep } from "./crun-words.ts";
import type { Dialect } from "./dialects.ts";
import { RuntimeError } from "./errors.ts";

type Step = "create" | "start" | "exec";

/** How Docker words a failure of each step around the runtime's own words. */
const AROUND: Readonly<Record<Step, (words: string) => string>> = {
  create: (words) =>
    `failed to create task for container: failed to create shim task: OCI runtime create failed: ${words}: unknown`,
  start: (words) => `failed to start task for container: OCI runtime start failed: ${words}: unknown`,
  exec: (words) => `OCI runtime exec failed: ${words}: unknown`,
};

/** What a runtime refused with, in Docker's words and with Docker's exit code. */
export function runtimeFailure(step: Step, words: string): RuntimeError {
  const { kind, exitCode, hint } = classify(words);
  return new RuntimeError(kind, AROUND[step](words) + hint, exitCode);
}

interface Verdict {
  readonly kind: "InvalidParameter" | "System";
  readonly exitCode: 126 | 127 | 128;
  /** Docker's client looks for these words; Go says "is a directory" where it once said "permission denied". */
  readonly hint: string;
}

function classify(words: string): Verdict {
  const text = words.toLowerCase();
  const invalid = (exitCode: 126 | 127, hint = ""): Verdict => ({ kind: "InvalidParameter", exitCode, hint });
  if (text.includes("permission denied")) return invalid(126);
  if (text.includes("is a directory")) return invalid(126, ": permission denied");
  if (text.includes("not a directory")) {
    return invalid(
      127,
      ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type",
    );
  }
  if (text.includes("executable file not found") || text.includes("no such file or directory")) {
    return invalid(127);
  }
  return { kind: "System", exitCode: 128, hint: "" };
}

/** More of a log than anybody reads. */
const MAX_LOG_BYTES = 1 << 20;

/** The last error in a runtime's log, as runc would word it; `undefined` where it wrote none. */
export function lastLoggedError(
  path: string,
  { logFormat, wording }: Pick<Dialect, "logFormat" | "wording">,
  failed?: FailedStep,
): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").slice(-MAX_LOG_BYTES);
  } catch {
    return undefined;
  }
  const words = logFormat === "json" ? lastErrorOf(text) : text.trim().split("\n").at(-1) || undefined;
  return words === undefined ? undefined : wording(words, failed);
}

function lastErrorOf(text: string): string | undefined {
  for (const line of text.split("\n").reverse()) {
    try {
      const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
      if (typeof msg === "string" && (level === "error" || level === "fatal")) return msg.trim();
    } catch {
      // Not a line of JSON: the runtime was killed while it wrote, or is one that logs otherwise.
    }
  }
  return undefined;
}
