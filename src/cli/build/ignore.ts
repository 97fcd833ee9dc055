/** What `.dockerignore` leaves out of a build's context. */
export interface IgnoreRules {
  leavesOut(path: string): boolean;
  /** A later `!pattern` may bring back what is inside a folder that is left out. */
  readonly hasExceptions: boolean;
}

interface Rule {
  readonly pattern: RegExp;
  readonly brings: boolean;
}

/**
 * Reads the file's rules: one pattern a line in the syntax of Go's `filepath.Match` with `**`, relative to the
 * context; `#` begins a comment, `!` an exception; the last rule that matches a path or a folder above decides.
 */
export function parseIgnore(text: string): IgnoreRules {
  const rules = text.split(/\r?\n/).flatMap(parseRule);
  return {
    leavesOut: (path) => rules.reduce((out, rule) => (matches(rule, path) ? !rule.brings : out), false),
    hasExceptions: rules.some(({ brings }) => brings),
  };
}

function parseRule(line: string): Rule[] {
  if (line.startsWith("#")) return [];
  const trimmed = line.trim();
  const brings = trimmed.startsWith("!");
  const path = normal(brings ? trimmed.slice(1).trim() : trimmed);
  return path === "" || path === "." ? [] : [{ pattern: new RegExp(`^${toRegExp(path)}$`), brings }];
}

/** Without leading, trailing and double slashes, and without `.` and `..`. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Whether a rule speaks of this path or of a folder that it is in. */
function matches({ pattern }: Rule, path: string): boolean {
  const parts = path.split("/");
  return parts.some((_, index) => pattern.test(parts.slice(0, index + 1).join("/")));
}

function toRegExp(glob: string): string {
  let regExp = "";
  for (let at = 0; at < glob.length; at++) {
    const rest = glob.slice(at);
    const set = /^\[\^?(?:\\.|[^\]\\])+\]/.exec(rest)?.[0];
    if (rest.startsWith("**/")) {
      regExp += "(?:.*/)?";
      at += 2;
    } else if (rest.startsWith("**")) {
      regExp += ".*";
      at += 1;
    } else if (rest.startsWith("*")) regExp += "[^/]*";
    else if (rest.startsWith("?")) regExp += "[^/]";
    else if (set !== undefined) {
      regExp += set;
      at += set.length - 1;
    } else if (rest.startsWith("\\") && rest.length > 1) {
      regExp += RegExp.escape(rest[1]!);
      at += 1;
    } else regExp += RegExp.escape(rest[0]!);
  }
  return regExp;
}
