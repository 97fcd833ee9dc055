import type { Progress } from "../../../compose/index.ts";
import { type ListView, oneLine } from "./view.ts";

/** A line for each step: ` Container shop-web-1 Started `. Amounts that only grow are told once. */
export function plainView(
  print: (text: string) => void,
  warn: (message: string) => void,
  dryRun: boolean,
): ListView {
  const last = new Map<string, string>();
  const prefix = dryRun ? " DRY-RUN MODE - " : " ";
  return {
    progress(progress) {
      const { id, parent = "", text, detail = "" } = progress;
      const shown = isAmount(progress) ? text : `${oneLine(text)} ${oneLine(detail)}`;
      const key = `${parent}\n${id}`;
      if (last.get(key) === shown) return;
      last.set(key, shown);
      print(`${prefix}${id} ${shown}\n`);
    },
    warn,
    besideOutput: () => {},
    finish: () => {},
  };
}

/** Something under way of which so much is done: its details change all the time. */
export function isAmount({ status, current, total }: Progress): boolean {
  return status === "working" && (current !== undefined || total !== undefined);
}
