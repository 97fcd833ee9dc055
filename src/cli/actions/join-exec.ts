import { ConnectionError } from "../../sdk/index.ts";
import type { ExecConfig } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { runSession } from "../terminal/session.ts";
import { followTerminalSize } from "../terminal/terminal-size.ts";

/**
 * Starts a command that was made in a container, joined to this process's streams, and gives its exit code.
 * @param size rows and columns of the terminal, where it is to have one.
 */
export async function joinExec(
  cli: Cli,
  id: string,
  config: ExecConfig,
  size: [number, number] | undefined,
): Promise<number> {
  const { execs } = await cli.engine();
  const tty = config.Tty === true;
  const stream = await execs.start(id, { tty, ...(size && { consoleSize: size }) });
  using _size = tty ? followTerminalSize(cli, (rows, columns) => execs.resize(id, rows, columns)) : undefined;
  const detachKeys = config.DetachKeys ?? "";
  const end = await runSession(cli, stream, { stdin: config.AttachStdin === true, output: true, detachKeys });
  if (end === "detached") throw new ExitError(1, "read escape sequence");
  return exitCodeOf(cli, id);
}

async function exitCodeOf(cli: Cli, id: string): Promise<number> {
  try {
    return (await (await cli.engine()).execs.inspect(id)).ExitCode ?? 0;
  } catch (error) {
    // The engine went away under us.
    if (error instanceof ConnectionError) throw new ExitError(255);
    throw error;
  }
}
