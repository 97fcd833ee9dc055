import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { isTerminal, terminalSize } from "../../terminal/tty.ts";
import { array, INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Run a command in a running container",
  usage: "[OPTIONS] SERVICE COMMAND [ARGS...]",
  arity: atLeast(2),
  stopAtFirstArgument: true,
  flags: {
    detach: bool("Run in the background", { short: "d" }),
    env: array("Set a variable of the environment", "e"),
    ...INDEX_FLAG,
    interactive: bool("Keep stdin open", { short: "i", initial: true, hidden: true }),
    "no-TTY": bool("Old name of --no-tty", { hidden: true }),
    "no-tty": bool("Give the command no terminal; it has one unless told, where stdout is one", {
      short: "T",
    }),
    privileged: bool("Give the command all of the host's powers"),
    tty: bool("Give the command a terminal", { short: "t", hidden: true }),
    user: string("User or uid, and group or gid (user[:group])", { short: "u" }),
    workdir: string("Working directory in the container", { short: "w" }),
  },
  async run({ cli, session, args: [service = "", ...words], flags, changed }) {
    const project = await session.projectName();
    const [engine, { prepareExec }] = await Promise.all([session.engine(), compose()]);
    const isOff =
      changed("no-tty") || changed("no-TTY") ? flags["no-tty"] || flags["no-TTY"] : !isTerminal(1);
    const tty = !isOff;
    const { detach, env, index, interactive, privileged, user, workdir } = flags;
    const { container, config } = await prepareExec(engine, project, service, {
      ...{ command: words, detach, env, index, interactive, privileged, user, workdir },
      tty: tty && !detach,
      detachKeys: (await cli.config()).detachKeys ?? "",
    });
    if (session.dryRun) return 0;
    const [{ joinExec }, { checkTerminal }] = await Promise.all([
      import("../../actions/join-exec.ts"),
      import("../../terminal/terminal-checks.ts"),
    ]);
    if (!detach) checkTerminal(cli, config.AttachStdin === true, config.Tty === true);
    const { rows, columns } = config.Tty ? terminalSize() : { rows: 0, columns: 0 };
    const size: [number, number] | undefined = rows === 0 ? undefined : [rows, columns];
    const id = await engine.execs.create(container.id, { ...config, ...(size && { ConsoleSize: size }) });
    if (!detach) return joinExec(cli, id, config, size);
    await engine.execs.startDetached(id, { tty: config.Tty === true });
    return 0;
  },
});
