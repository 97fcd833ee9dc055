import type { StatusProgress } from "../../../lib/buildkit/index.ts";
import { humanSize } from "../../text/units.ts";
import type { Step } from "./steps.ts";

/** `0.4s`, `1m12.3s` in plain seconds as BuildKit shows them. */
export const seconds = (milliseconds: number) => `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s`;

/** One line, without what would move a terminal's cursor or change its colours. */
export function harmless(text: string): string {
  return text
    .replaceAll(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/][0-~]|[@-Z\\-_])/g, "")
    .replaceAll("\t", "    ")
    .replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
}

/** `transferring context: 1.2kB / 3kB 0.1s done` */
export function partText(part: StatusProgress): string {
  const { id, current, total, started, completed } = part;
  let text = id;
  if (total > 0) text += ` ${humanSize(current)} / ${humanSize(total)}`;
  else if (current > 0) text += ` ${humanSize(current)}`;
  if (started !== undefined && completed !== undefined) text += ` ${seconds(completed - started)}`;
  return completed === undefined ? text : `${text} done`;
}

/** What a failed build shows last: its step with the last lines that it printed. */
export function failureText(step: Step, lines = 30): string {
  if (step.lines.length === 0) return "";
  const shown = step.lines.slice(-lines).map(harmless);
  return ["------", ` > ${harmless(step.name)}:`, ...shown, "------", ""].join("\n");
}
