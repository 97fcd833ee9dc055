import { type TerminalSize, terminalSize } from "../../terminal/tty.ts";

/** The size of the terminal that progress is shown on; asked for again only when its window has changed. */
export function stderrSize(): () => TerminalSize {
  let size: TerminalSize | undefined;
  process.on("SIGWINCH", () => {
    size = undefined;
  });
  return () => (size ??= terminalSize(2));
}
