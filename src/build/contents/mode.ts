import { invalidParameter } from "../../lib/index.ts";

/** What `--chmod` makes of a file's permission bits (0o7777). */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

const SET_ID = 0o6000;
const STICKY = 0o1000;
const ALL = 0o777;
const CLASSES: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
const PERMISSIONS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };

/** The mode that an octal text says; undefined for a symbolic one, or none. */
export function octalMode(text: string): number | undefined {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : undefined;
}

/**
 * `--chmod`: octal, or as for chmod(1), `u=rwX,go=rX`, without a umask (BuildKit's). Undefined where the text is empty.
 * @throws InvalidParameter
 */
export function parseModeChange(text: string): ModeChange | undefined {
  if (text === "") return undefined;
  const octal = octalMode(text);
  if (octal !== undefined) return () => octal;
  const clauses = text.split(",").flatMap(parseClause);
  return (mode, isDirectory) => clauses.reduce((current, clause) => clause(current, isDirectory), mode);
}

function parseClause(text: string): ModeChange[] {
  const [, who = "", actions = ""] = /^([ugoa]*)(.*)$/.exec(text)!;
  const classes = who === "" || who.includes("a") ? ["u", "g", "o"] : [...new Set(who)];
  const parts = actions.match(/[-+=](?:[ugo]|[rwxXst]*)/g) ?? [];
  if (parts.length === 0 || parts.join("") !== actions) {
    throw invalidParameter(`invalid chmod parameter: '${text}'`);
  }
  return parts.map((part) => change(classes, part[0]!, part.slice(1)));
}

/** One of `=rw`, `+X`, `-s`, `=u`. */
function change(classes: readonly string[], operator: string, what: string): ModeChange {
  return (mode, isDirectory) => {
    const bits = bitsOf(classes, what, mode, isDirectory);
    if (operator === "+") return mode | bits;
    if (operator === "-") return mode & ~bits;
    let cleared = 0;
    for (const name of classes) cleared |= 7 << CLASSES[name]!;
    if (classes.includes("u")) cleared |= 0o4000;
    if (classes.includes("g")) cleared |= 0o2000;
    if (classes.length === 3) cleared |= STICKY;
    // As chmod(1): a folder keeps its set-id bits unless they are named.
    if (isDirectory) cleared &= ~SET_ID;
    return (mode & ~cleared) | bits;
  };
}

function bitsOf(classes: readonly string[], what: string, mode: number, isDirectory: boolean): number {
  const from = CLASSES[what];
  let each = from === undefined ? 0 : (mode >> from) & 7;
  let bits = 0;
  if (from === undefined) {
    for (const letter of what) {
      each |= PERMISSIONS[letter] ?? 0;
      if (letter === "X" && (isDirectory || (mode & 0o111) !== 0)) each |= 1;
      if (letter === "s" && classes.includes("u")) bits |= 0o4000;
      if (letter === "s" && classes.includes("g")) bits |= 0o2000;
      if (letter === "t") bits |= STICKY;
    }
  }
  for (const name of classes) bits |= (each << CLASSES[name]!) & ALL;
  return bits;
}
