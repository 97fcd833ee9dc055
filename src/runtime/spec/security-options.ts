import { invalidParameter } from "../../lib/index.ts";

/** `--security-opt` taken apart. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, `builtin`, or a profile's JSON text; absent: the default one. */
  readonly seccomp?: string;
  readonly apparmor?: string;
  /** Docker's client empties MaskedPaths and ReadonlyPaths for `systempaths=unconfined`; others may send the option itself. */
  readonly systemPathsUnconfined: boolean;
  readonly writableCgroups?: boolean;
  /** SELinux labels, `disable` included. */
  readonly labels: readonly string[];
}

/**
 * Docker's grammar: bare words, `key=value`, and the older `key:value`.
 * @throws InvalidParameter `invalid --security-opt 1: "x"` (no value) and `invalid --security-opt 2: "x=y"` (unknown)
 */
export function parseSecurityOptions(options: readonly string[] | null | undefined): SecurityOptions {
  let read: SecurityOptions = { noNewPrivileges: false, systemPathsUnconfined: false, labels: [] };
  for (const option of options ?? []) read = { ...read, ...readOption(option, read) };
  return read;
}

function readOption(option: string, read: SecurityOptions): Partial<SecurityOptions> {
  if (option === "no-new-privileges") return { noNewPrivileges: true };
  if (option === "writable-cgroups") return { writableCgroups: true };
  if (option === "disable") return { labels: [...read.labels, option] };
  const at = option.includes("=") ? option.indexOf("=") : option.indexOf(":");
  if (at < 0) throw invalidParameter(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  const value = option.slice(at + 1);
  switch (option.slice(0, at)) {
    case "label":
      return { labels: [...read.labels, value] };
    case "apparmor":
      return { apparmor: value };
    case "seccomp":
      return { seccomp: value };
    case "no-new-privileges":
      return { noNewPrivileges: parseBool(value, option) };
    case "writable-cgroups":
      return { writableCgroups: parseBool(value, option) };
    case "systempaths":
      if (value === "unconfined") return { systemPathsUnconfined: true };
      break;
  }
  throw invalidParameter(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}

/** Go's strconv.ParseBool. */
function parseBool(value: string, option: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw invalidParameter(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
