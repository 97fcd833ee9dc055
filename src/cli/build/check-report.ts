import type { StatusWarning } from "../../lib/buildkit/index.ts";
import { harmless } from "./progress/texts.ts";

export type CheckedWarning = StatusWarning;

const RULE = "-".repeat(20);
const LINES_AROUND = 3;

/** What `--check` found, each with the lines of the Dockerfile that it is about. */
export function checkReport(warnings: readonly CheckedWarning[]): string {
  if (warnings.length === 0) return "Check complete, no warnings found.\n";
  const count = `Check complete, ${warnings.length} warning${warnings.length === 1 ? " has" : "s have"} been found!\n`;
  return count + warnings.map(describe).join("");
}

function describe({ short, detail, url, fileName, fileText, ranges: [range] }: CheckedWarning): string {
  const head = `\nWARNING: ${harmless(short)}${url === "" ? "" : ` - ${url}`}\n`;
  const more = detail.map((line) => `${harmless(line)}\n`).join("");
  if (range === undefined || fileText === "") return head + more;
  const all = fileText.split(/\r?\n/);
  const shown: string[] = [];
  const last = Math.min(all.length, Math.max(range.start, range.end) + LINES_AROUND);
  for (let number = Math.max(1, range.start - LINES_AROUND); number <= last; number++) {
    const mark = number >= range.start && number <= Math.max(range.start, range.end) ? ">>>" : "   ";
    shown.push(`${String(number).padStart(4)} | ${mark} ${harmless(all[number - 1] ?? "")}`.trimEnd());
  }
  return `${head}${more}${fileName}:${range.start}\n${RULE}\n${shown.join("\n")}\n${RULE}\n`;
}
