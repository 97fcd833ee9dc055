import type { Progress } from "../../../compose/index.ts";
import type { ListView } from "./view.ts";

const STATUS = { working: "Working", done: "Done", warning: "Warning", error: "Error" } as const;

/** A line of JSON for each step, with the keys of Docker Compose. */
export function jsonView(
  print: (text: string) => void,
  warn: (message: string) => void,
  dryRun: boolean,
): ListView {
  return {
    progress: (progress) => print(`${JSON.stringify(lineOf(progress, dryRun))}\n`),
    warn,
    besideOutput: () => {},
    finish: () => {},
  };
}

function lineOf({ id, parent, status, text, detail, current, total }: Progress, dryRun: boolean): object {
  const percent = total ? Math.min(100, Math.floor(((current ?? 0) * 100) / total)) : undefined;
  return {
    ...(dryRun && { "dry-run": true }),
    id,
    parent_id: parent,
    status: STATUS[status],
    text,
    details: detail || undefined,
    current: current || undefined,
    total: total || undefined,
    percent: percent || undefined,
  };
}
