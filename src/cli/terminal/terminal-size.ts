import { messageOf } from "../../lib/index.ts";
import type { Cli } from "../cli.ts";
import { onResize, type TerminalSize, terminalSize } from "./tty.ts";

/** A process that is just starting may have no terminal yet. */
const ATTEMPTS = 10;
const FIRST_RETRY_MS = 10;

/** Keeps the size of a container's terminal that of ours, until disposed. */
export function followTerminalSize(
  cli: Cli,
  resize: (rows: number, columns: number) => Promise<void>,
): Disposable {
  const first = terminalSize();
  if (first.rows === 0) return { [Symbol.dispose]: () => {} };
  const set = ({ rows, columns }: TerminalSize) => resize(rows, columns);
  void setPatiently(cli, () => set(terminalSize()));
  return onResize((size) => {
    set(size).catch((error) => cli.debug(`cannot resize: ${messageOf(error)}`));
  });
}

async function setPatiently(cli: Cli, set: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await set();
    } catch (error) {
      cli.debug(`cannot resize: ${messageOf(error)}`);
      await Bun.sleep(attempt * FIRST_RETRY_MS);
    }
  }
}
