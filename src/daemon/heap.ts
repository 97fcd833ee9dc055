import { log, messageOf } from "../lib/index.ts";
import { activatedSockets } from "./activation.ts";

/** Read by Bun's engine when it starts, and then never again. */
const VARIABLE = "BUN_JSC_forceRAMSize";
/**
 * How much memory the garbage collector believes the machine to have. It lets garbage grow with that: on a large machine to
 * hundreds of megabytes of buffers that have long been written. It is no limit: a heap that is really used grows beyond it.
 */
const BYTES = 256 << 20;

/**
 * Starts this process anew in its own place, with a collector that keeps little garbage: a pull of large layers then
 * needs 140 MB instead of 250 (measured); less than this here costs processor time and saves little. The process id and the
 * arguments stay. Returns in the process that has it; no child sees the variable.
 *
 * Bun takes no descriptor along but the first three, so a daemon that systemd has given sockets stays as it is: its unit
 * sets the variable (`berth install` writes it so).
 */
export function keepHeapSmall(): void {
  const { env, execPath } = process;
  const isSet = env[VARIABLE] !== undefined;
  delete env[VARIABLE];
  if (isSet || process.execve === undefined || holdsSockets()) return;
  const command = [process.argv0, ...argumentsBehindProgram()];
  try {
    process.execve(execPath, command, { ...env, [VARIABLE]: String(BYTES) });
  } catch (error) {
    log.warn("the daemon will need more memory than it has to", { error: messageOf(error) });
  }
}

function holdsSockets(): boolean {
  return activatedSockets(process.env, process.pid).length > 0;
}

/** The executable has none of its own; `bun src/main.ts …` has the script. */
function argumentsBehindProgram(): string[] {
  const [, script, ...rest] = process.argv;
  return script === undefined || script.startsWith("/$bunfs/")
    ? rest
    : [...process.execArgv, script, ...rest];
}
