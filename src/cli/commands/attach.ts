import type { ContainerInspect } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";
import { runSession } from "../terminal/session.ts";
import { forwardSignals } from "../terminal/signals.ts";
import { checkTerminal } from "../terminal/terminal-checks.ts";
import { followTerminalSize } from "../terminal/terminal-size.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";

export const command = defineCommand({
  summary: "Join the streams of a running container",
  usage: "[OPTIONS] CONTAINER",
  arity: exactly(1),
  complete: "containers",
  flags: {
    "detach-keys": string("Keys that detach from the container"),
    "no-stdin": bool("Do not attach stdin"),
    "sig-proxy": bool("Pass signals on to the container", { initial: true }),
  },
  async run({ cli, args, flags }) {
    const ref = args[0]!;
    const { containers } = await cli.engine();
    const container = await containers.inspect(ref);
    checkState(container);
    const { Tty: tty = false, OpenStdin: openStdin = false } = container.Config;
    checkTerminal(cli, !flags["no-stdin"], tty);
    const detachKeys = flags["detach-keys"] || ((await cli.config()).detachKeys ?? "");
    const stdin = !flags["no-stdin"] && openStdin;
    using _signals = flags["sig-proxy"] && !tty ? forwardSignals(cli, container.Id) : undefined;
    const exit = await containers.watch(container.Id);
    const stream = await containers.attach(container.Id, {
      stdin,
      stdout: true,
      stderr: true,
      detachKeys,
      tty,
    });
    // It may have stopped between the two, and then its streams would never end.
    checkState(await containers.inspect(container.Id));
    if (tty && isTerminal(1)) await nudge(cli, container.Id);
    using _size = tty
      ? followTerminalSize(cli, (rows, columns) => containers.resize(container.Id, rows, columns))
      : undefined;
    if ((await runSession(cli, stream, { stdin, output: true, detachKeys })) === "detached") {
      throw new ExitError(1, "read escape sequence");
    }
    const { StatusCode, Error: failure } = await exit.result;
    if (failure?.Message !== undefined && failure.Message !== "") throw new Error(failure.Message);
    return StatusCode;
  },
});

function checkState({ State }: ContainerInspect): void {
  if (!State.Running) throw new Error("You cannot attach to a stopped container, start it first");
  if (State.Paused) throw new Error("You cannot attach to a paused container, unpause it first");
  if (State.Restarting)
    throw new Error("You cannot attach to a restarting container, wait until it is running");
}

/** A change of size makes programs draw themselves again, which a second attach could not get otherwise. */
async function nudge(cli: Cli, id: string): Promise<void> {
  const { rows, columns } = terminalSize();
  await (await cli.engine()).containers.resize(id, rows + 1, columns + 1).catch(() => {});
}
