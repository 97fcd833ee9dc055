import type { ExecConfig } from "../../wire/index.ts";
import { joinExec } from "../actions/join-exec.ts";
import type { Cli } from "../cli.ts";
import { bool, list, string } from "../flags.ts";
import { checkEnv, readPairs } from "../options/environment.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { checkTerminal } from "../terminal/terminal-checks.ts";
import { terminalSize } from "../terminal/tty.ts";

export const command = defineCommand({
  summary: "Run a command in a running container",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  arity: atLeast(2),
  stopAtFirstArgument: true,
  complete: "containers",
  flags: {
    detach: bool("Run in the background", { short: "d" }),
    "detach-keys": string("Keys that detach from the command"),
    env: list("Set a variable of the environment", {
      short: "e",
      check: (text) => checkEnv(text),
      complete: "environment",
    }),
    "env-file": list("Read variables of the environment from a file", { complete: "files" }),
    interactive: bool("Keep stdin open", { short: "i" }),
    privileged: bool("Give the command all of the host's powers"),
    tty: bool("Give the command a terminal", { short: "t" }),
    user: string("User or uid, and group or gid (user[:group])", { short: "u" }),
    workdir: string("Working directory in the container", { short: "w" }),
  },
  async run({ cli, args, flags }) {
    const [container = "", ...words] = args;
    const attached = !flags.detach;
    const config: ExecConfig = {
      User: flags.user,
      Privileged: flags.privileged,
      Tty: flags.tty,
      AttachStdin: attached && flags.interactive,
      AttachStdout: attached,
      AttachStderr: attached,
      DetachKeys: flags["detach-keys"] || ((await cli.config()).detachKeys ?? ""),
      Env: readPairs(flags["env-file"], flags.env, process.env),
      WorkingDir: flags.workdir,
      Cmd: words,
    };
    if (attached) await checkTerminalOf(cli, container, config);
    const { rows, columns } = flags.tty ? terminalSize() : { rows: 0, columns: 0 };
    const size: [number, number] | undefined = rows === 0 ? undefined : [rows, columns];
    const { execs } = await cli.engine();
    const id = await execs.create(container, { ...config, ...(size && { ConsoleSize: size }) });
    if (!attached) {
      await execs.startDetached(id, { tty: flags.tty });
      return 0;
    }
    return joinExec(cli, id, config, size);
  },
});

/** That the container is missing is the more useful message, so it is looked for first. */
async function checkTerminalOf(cli: Cli, container: string, config: ExecConfig): Promise<void> {
  try {
    checkTerminal(cli, config.AttachStdin === true, config.Tty === true);
  } catch (error) {
    await (await cli.engine()).containers.inspect(container);
    throw error;
  }
}
