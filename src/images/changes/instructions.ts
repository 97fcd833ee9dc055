import { invalidParameter } from "../../lib/index.ts";

/** One line of a Dockerfile: its first word in lower case, and the rest as written. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
  /** The whole instruction as written, for `ONBUILD` and messages. */
  readonly text: string;
}

const TEXT_LENGTH_MAX = 1 << 20;

/** Instructions of a Dockerfile text: comments are dropped, lines that end in a backslash go on. */
export function parseInstructions(text: string): Instruction[] {
  if (text.length > TEXT_LENGTH_MAX)
    throw invalidParameter("dockerfile parse error: the changes are too long");
  const instructions: Instruction[] = [];
  let pending = "";
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\r$/, "");
    if (/^\s*#/.test(line)) continue;
    if (pending === "" && line.trim() === "") continue;
    if (/\\\s*$/.test(line)) {
      pending += line.replace(/\\\s*$/, "");
      continue;
    }
    push(instructions, pending + line);
    pending = "";
  }
  push(instructions, pending);
  return instructions;
}

function push(into: Instruction[], line: string): void {
  const text = line.trim();
  if (text === "") return;
  const match = /^(\S+)\s*([\s\S]*)$/.exec(text)!;
  into.push({ name: match[1]!.toLowerCase(), rest: match[2]!, text });
}

/** The list that a JSON form gives; undefined where the text is not one, which then is a command for a shell. */
export function parseJsonForm(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // Docker takes a list that is no JSON for a shell's command, too.
  }
  return undefined;
}

/** Leading `--name=value` flags of an instruction. */
export function splitFlags(rest: string): { flags: Map<string, string>; rest: string } {
  const flags = new Map<string, string>();
  let left = rest;
  for (let match = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(left); match; ) {
    flags.set(match[1]!, match[2] ?? "");
    left = left.slice(match[0].length);
    match = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(left);
  }
  return { flags, rest: left };
}
