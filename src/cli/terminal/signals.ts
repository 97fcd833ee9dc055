import { messageOf } from "../../lib/index.ts";
import type { Cli } from "../cli.ts";

/** Signals that go on to the container. Those that a process cannot handle, and its own business, do not. */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
] as const;

/** So many requests to end, and the client ends although the container goes on. */
const PATIENCE = 3;

/** Sends the signals that this process gets to the container, until disposed. */
export function forwardSignals(cli: Cli, container: string): Disposable {
  let requests = 0;
  const forward = (signal: NodeJS.Signals) => {
    if ((signal === "SIGINT" || signal === "SIGTERM") && ++requests >= PATIENCE) {
      cli.note(`got ${PATIENCE} SIGTERM/SIGINTs, forcefully exiting`);
      process.exit(1);
    }
    void cli
      .engine()
      .then(({ containers }) => containers.kill(container, signal.slice("SIG".length)))
      .catch((error) => cli.debug(`cannot send ${signal}: ${messageOf(error)}`));
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return {
    [Symbol.dispose]: () => {
      for (const signal of FORWARDED) process.off(signal, forward);
    },
  };
}
