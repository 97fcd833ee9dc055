/** What was asked of a runtime that failed. */
export interface FailedStep {
  readonly step: "create" | "exec";
  /** What was to be executed. */
  readonly executable: string | undefined;
}

/**
 * crun's errors in runc's words, which are Docker's: clients and scripts look for them, and Docker's client takes its exit codes
 * 126 and 127 from them. crun ends its sentences with what strerror(3) says, which begins with a capital letter; Go's does not.
 */
export function fromCrun(words: string, failed?: FailedStep): string {
  const reason = reasonOf(words, failed?.executable ?? "");
  if (failed === undefined) return reason;
  const beginning = failed.step === "create" ? "crun create failed" : "exec failed";
  return `${beginning}: unable to start container process: ${reason}`;
}

function reasonOf(words: string, executable: string): string {
  const missing = /^executable file `(.*)` not found in \$PATH/s.exec(words)?.[1];
  if (missing !== undefined) {
    const why = missing.includes("/")
      ? `stat ${missing}: no such file or directory`
      : "executable file not found in $PATH";
    return `exec: ${JSON.stringify(missing)}: ${why}`;
  }
  // What it says of a directory, too.
  if (/^open executable: (?:Permission denied|Operation not permitted)$/.test(words)) {
    return `exec: ${JSON.stringify(executable)}: permission denied`;
  }
  return words.replace(/(?<=: )[A-Z](?=[a-z][^:]*$)/, (letter) => letter.toLowerCase());
}
