/**
 * Splits a command line into words as Docker Compose does: blanks separate, `'…'` and `"…"` hold together, a backslash
 * takes the next character as it is (not inside '…'), and an unquoted `;`, `&`, `|`, `<` or `>` ends the command.
 * Backquotes and `$(…)` hold together and stay as written. `undefined`: something is left open.
 */
export function splitCommand(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  /** What is open: a quote, or `)` for `$(`. */
  let open = "";
  let escaped = false;
  const add = (text: string) => {
    word = (word ?? "") + text;
  };
  for (const char of line) {
    if (escaped) {
      add(char);
      escaped = false;
    } else if (char === "\\" && open !== "'") {
      escaped = true;
    } else if (/[ \t\r\n]/.test(char)) {
      if (open !== "") add(char);
      else if (word !== undefined) {
        words.push(word);
        word = undefined;
      }
    } else if (char === open && (char === "'" || char === '"')) {
      open = "";
      add("");
    } else if (open === "" && (char === "'" || char === '"')) {
      open = char;
    } else if (char === open) {
      open = "";
      add(char);
    } else if (open === "" && char === "`") {
      open = "`";
      add(char);
    } else if (char === "(" && open !== "'" && open !== '"' && open !== "`") {
      if (open !== "" || word?.endsWith("$") !== true) return undefined;
      open = ")";
      add(char);
    } else if (char === ")" && open === "") {
      return undefined;
    } else if (open === "" && /[;&|<>]/.test(char)) {
      if (char === ">" && word !== undefined && /^[0-9]/.test(word)) word = undefined;
      break;
    } else {
      add(char);
    }
  }
  if (escaped || open !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
