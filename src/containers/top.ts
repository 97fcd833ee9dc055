import { invalidParameter, systemError } from "../lib/index.ts";
import type { ContainerTop } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { isRestarting, notRunning } from "./errors.ts";
import { emit } from "./events.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";
import { cgroupsPathOf } from "./spec.ts";

/**
 * `docker top`: the host's ps(1), limited to the container's processes.
 * @throws Conflict where it does not run, System with what ps says of its arguments
 */
export async function topContainer(
  context: Context,
  record: ContainerRecord,
  psArgs: string,
): Promise<ContainerTop> {
  const args = parsePsArgs(psArgs || "-ef");
  if (record.state.status === "restarting") throw isRestarting(record);
  if (!hasProcess(record)) throw notRunning(record);
  const pids = await context.machine.pids(cgroupsPathOf(context, record));
  const output = await runPs(context, args, pids);
  const top = parsePsOutput(output, new Set(pids));
  emit(context, record, "top");
  return top;
}

/**
 * A column of another kind could be called PID, and then other processes would be shown. @throws
 * InvalidParameter
 */
export function parsePsArgs(text: string): string[] {
  for (const [, name = "", title = ""] of text.matchAll(/\s+([^\s=]*)=\s*(PID\S*)/g)) {
    if (name !== "pid") throw invalidParameter(`specifying "${name}=${title}" is not allowed`);
  }
  return text.split(" ").filter((word) => word !== "");
}

/**
 * Some arguments contradict a choice of processes by `-q`: then ps shows all, and the others are left out
 * here.
 */
async function runPs({ machine }: Context, args: string[], pids: readonly number[]): Promise<string> {
  const chosen = await machine.ps([...args, `-q${pids.join(",")}`]);
  if (chosen.code === 0) return chosen.stdout;
  const all = await machine.ps(args);
  if (all.code === 0) return all.stdout;
  throw systemError(`ps: ${all.stderr.split("\n")[0] || `exit status ${all.code}`}`);
}

/** @throws System where the output has no column of ids, or is none */
export function parsePsOutput(text: string, pids: ReadonlySet<number>): ContainerTop {
  const [head = "", ...lines] = text.split("\n");
  const titles = fields(head);
  const column = titles.indexOf("PID");
  if (column === -1) throw systemError("Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let previousShown = false;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const words = fields(line);
    const pid = words[column] ?? "";
    // With threads (`ps m`), their lines have a dash and follow the process's.
    if (pid !== "-") {
      if (!/^\d+$/.test(pid)) throw systemError(`Unexpected pid '${pid}'`);
      previousShown = pids.has(Number(pid));
    }
    if (previousShown) processes.push(joinRest(words, titles.length));
  }
  return { Titles: titles, Processes: processes };
}

function fields(line: string): string[] {
  return line.split(/[\t\n\f\r ]+/).filter((word) => word !== "");
}

/** The last column is a command, and has blanks of its own. */
function joinRest(words: readonly string[], columns: number): string[] {
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(" ")];
}
