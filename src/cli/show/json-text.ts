/**
 * JSON's layout changed without reading its values: the order of keys, the digits of numbers and the escapes
 * in texts stay what the engine wrote.
 */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** On one line, without spaces. */
export function compactJson(json: string): string {
  return (json.match(TOKEN) ?? []).join("");
}

/** Four spaces a level, as Docker's client prints. */
export function indentJson(json: string, unit = "    "): string {
  const tokens = json.match(TOKEN) ?? [];
  let text = "";
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      const isEmpty = next === "}" || next === "]";
      if (!isEmpty) depth++;
      text += isEmpty ? token : `${token}\n${unit.repeat(depth)}`;
    } else if (token === "}" || token === "]") {
      const before = tokens[index - 1];
      const isEmpty = before === "{" || before === "[";
      if (!isEmpty) depth--;
      text += isEmpty ? token : `\n${unit.repeat(depth)}${token}`;
    } else if (token === ",") {
      text += `,\n${unit.repeat(depth)}`;
    } else {
      text += token === ":" ? ": " : token;
    }
  }
  return text;
}
