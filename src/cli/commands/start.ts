import { allFlag, chosenContainers } from "../actions/each.ts";
import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import { bool, string, type Values } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { runSession } from "../terminal/session.ts";
import { forwardSignals } from "../terminal/signals.ts";
import { followTerminalSize } from "../terminal/terminal-size.ts";

const FLAGS = {
  all: allFlag("Start every container that does not run"),
  attach: bool("Attach to stdout and stderr, and pass signals on", { short: "a" }),
  checkpoint: string("Start from this checkpoint"),
  "checkpoint-dir": string("Folder of the checkpoint", { complete: "files" }),
  "detach-keys": string("Keys that detach from the container"),
  interactive: bool("Attach stdin too", { short: "i" }),
};

type StartFlags = Values<typeof FLAGS>;

export const command = defineCommand({
  summary: "Start stopped containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: ({ all }) => (all ? { min: 0, max: 0 } : atLeast(1)),
  complete: "all-containers",
  flags: FLAGS,
  async run({ cli, args, flags }) {
    if (flags.attach || flags.interactive) {
      if (args.length > 1 || flags.all)
        throw new Error("you cannot start and attach multiple containers at once");
      return startAttached(cli, args[0]!, flags);
    }
    const checkpoint = { checkpoint: flags.checkpoint, checkpointDir: flags["checkpoint-dir"] };
    if (flags.checkpoint !== "") {
      if (args.length > 1) throw new Error("you cannot restore multiple containers at once");
      await (await cli.engine()).containers.start(args[0]!, checkpoint);
      return 0;
    }
    await startEach(cli, await chosenContainers(cli, args, flags.all, ["created", "exited"]));
    return 0;
  },
});

async function startEach(cli: Cli, refs: readonly string[]): Promise<void> {
  const { containers } = await cli.engine();
  const failed: string[] = [];
  for (const ref of refs) {
    try {
      await containers.start(ref);
      cli.line(ref);
    } catch (error) {
      cli.note(describeError(error));
      failed.push(ref);
    }
  }
  if (failed.length > 0) throw new ExitError(1, `Error: failed to start containers: ${failed.join(", ")}`);
}

async function startAttached(cli: Cli, ref: string, flags: StartFlags): Promise<number> {
  const { containers } = await cli.engine();
  const { Id: id, Config, HostConfig } = await containers.inspect(ref);
  const tty = Config.Tty === true;
  using _signals = tty ? undefined : forwardSignals(cli, id);
  const detachKeys = flags["detach-keys"] || ((await cli.config()).detachKeys ?? "");
  const stdin = flags.interactive && Config.OpenStdin === true;
  const stream = await containers.attach(id, { stdin, stdout: true, stderr: true, detachKeys, tty });
  const exit = await containers.watch(id, HostConfig.AutoRemove === true ? "removed" : "next-exit");
  const session = runSession(cli, stream, { stdin, output: true, detachKeys });
  // Until somebody waits for it, its failure is nobody\'s.
  session.catch(() => {});
  try {
    await containers.start(id, { checkpoint: flags.checkpoint, checkpointDir: flags["checkpoint-dir"] });
  } catch (error) {
    stream.close();
    await session.catch(() => {});
    if (HostConfig.AutoRemove === true) await exit.result.catch(() => {});
    throw error;
  }
  using _size = tty
    ? followTerminalSize(cli, (rows, columns) => containers.resize(id, rows, columns))
    : undefined;
  if ((await session) === "detached") return 0;
  return (await exit.result).StatusCode;
}
