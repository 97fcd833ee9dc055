import { readsAsString } from "../yaml/plain-scalar.ts";

/** Words that YAML 1.1 takes for booleans, and numbers to the base of 60: quoted for its readers. */
const YAML_1_1 =
  /^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/;
/** Words, names, paths, images and URLs, but for words that mean something else: most of what is printed. */
const SIMPLE = /^(?!(?:y|yes|n|no|on|off|true|false|null)$)[a-z/](?:[a-z0-9_./-]|:(?!$))*$/i;
/** What stands between double quotes as it is. */
const UNESCAPED = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const DATE = /^\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[-+]\d{2}:\d{2})?)?$/;
const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\u0085": "\\N",
  "\u00a0": "\\_",
  "\u2028": "\\L",
  "\u2029": "\\P",
  "\ufeff": "\\uFEFF",
};

/** How a text may be written. */
interface Analysis {
  readonly plain: boolean;
  readonly singleQuoted: boolean;
  readonly block: boolean;
}

/**
 * A text as a YAML scalar, in the style that Docker Compose's writer chooses.
 *
 * @param indent columns before the lines of a text with line breaks
 */
export function yamlScalar(text: string, indent: number): string {
  if (SIMPLE.test(text)) return text;
  if (text.includes("\n")) {
    return analyse(text).block && !/^\n+$/.test(text) ? literal(text, indent) : doubleQuoted(text);
  }
  if (text === "<<") return "'<<'";
  if (!readsAsString(text) || DATE.test(text)) return doubleQuoted(text);
  const { plain, singleQuoted } = analyse(text);
  if (plain && !YAML_1_1.test(text)) return text;
  return singleQuoted ? `'${text.replaceAll("'", "''")}'` : doubleQuoted(text);
}

/** A mapping's key: never over several lines. */
export function yamlKey(text: string): string {
  return text.includes("\n") ? doubleQuoted(text) : yamlScalar(text, 0);
}

function analyse(text: string): Analysis {
  if (text === "") return { plain: true, singleQuoted: true, block: false };
  const breaks = text.includes("\n");
  const edges = /^[ \n]|[ \n]$/.test(text);
  const spaceBeforeBreak = / \n/.test(text);
  const special = !isPrintable(text);
  const indicators =
    /^(---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]/.test(text) ||
    /^[?:-]([ \t\n]|$)/.test(text) ||
    /:([ \t\n]|$)/.test(text) ||
    /[ \t\n]#/.test(text);
  const odd = spaceBeforeBreak || special || text.includes("\t");
  return {
    plain: !edges && !breaks && !odd && !indicators,
    singleQuoted: !odd && !/\n /.test(text),
    block: !spaceBeforeBreak && !special && !text.endsWith(" "),
  };
}

/** Only characters that may stand unescaped (line separators would be taken for line breaks); tabs are looked at elsewhere. */
function isPrintable(text: string): boolean {
  return !/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|[\ud800-\udfff]/.test(text);
}

function literal(text: string, indent: number): string {
  // Docker Compose leaves the hint out behind a first line break, and cannot read that back.
  const hint = /^\n* /.test(text) ? "2" : "";
  const chomping = !text.endsWith("\n") ? "-" : text.endsWith("\n\n") || text === "\n" ? "+" : "";
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  const lines = body.split("\n").map((line) => (line === "" ? "" : " ".repeat(indent) + line));
  return `|${hint}${chomping}\n${lines.join("\n")}`;
}

function doubleQuoted(text: string): string {
  if (UNESCAPED.test(text)) return `"${text}"`;
  let result = '"';
  for (const char of text) {
    const short = ESCAPES[char];
    if (short !== undefined) result += short;
    else if (char >= " " && char !== "\x7f" && isPrintable(char)) result += char;
    else result += hex(char.codePointAt(0)!);
  }
  return `${result}"`;
}

function hex(code: number): string {
  const digits = (width: number) => code.toString(16).toUpperCase().padStart(width, "0");
  if (code <= 0xff) return `\\x${digits(2)}`;
  return code <= 0xffff ? `\\u${digits(4)}` : `\\U${digits(8)}`;
}
