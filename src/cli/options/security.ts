import { quote } from "../text/numbers.ts";
import { systemText } from "./environment.ts";

/** What `--security-opt` asks for. */
export interface SecurityFlags {
  readonly options: readonly string[];
  /** `systempaths=unconfined`: nothing of /proc is hidden; undefined: as the engine does by default. */
  readonly paths?: readonly [];
}

/**
 * Reads all `--security-opt`. A seccomp profile is a file of the client's, so its content is sent.
 * @throws with Docker's words.
 */
export function parseSecurityOptions(options: readonly string[]): SecurityFlags {
  const read = options.map(readOption);
  const kept = read.filter((option) => option !== "systempaths=unconfined");
  return { options: kept, ...(kept.length < read.length && { paths: [] }) };
}

function readOption(option: string): string {
  const { key, value } = splitOption(option);
  if (value === "" && key !== "no-new-privileges")
    throw new Error(`Invalid --security-opt: ${quote(option)}`);
  if (key !== "seccomp" || value === "unconfined" || value === "builtin") return option;
  return `seccomp=${readProfile(value)}`;
}

/** `key=value`; the colon is the older separator. */
function splitOption(option: string): { key: string; value: string } {
  const match = /^([^=]*)=([\s\S]*)$/.exec(option) ?? /^([^:]*):([\s\S]*)$/.exec(option);
  return match === null ? { key: option, value: "" } : { key: match[1]!, value: match[2]! };
}

function readProfile(path: string): string {
  let text: string;
  try {
    const { readFileSync } = require("node:fs") as typeof import("node:fs");
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`opening seccomp profile (${path}) failed: open ${path}: ${systemText(error)}`, {
      cause: error,
    });
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
