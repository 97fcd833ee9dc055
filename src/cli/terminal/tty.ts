/** Loaded where a terminal matters: it costs 2.6 ms (measured), which most containers can start without. */
const tty = () => require("node:tty") as typeof import("node:tty");

/** Whether a descriptor is a terminal. What is no device is none, and that is found out without loading anything slow. */
export function isTerminal(descriptor: 0 | 1 | 2): boolean {
  return isDevice(descriptor) && tty().isatty(descriptor);
}

function isDevice(descriptor: number): boolean {
  const { fstatSync } = require("node:fs") as typeof import("node:fs");
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** The terminal's size; 0 × 0 where the descriptor is none. */
export function terminalSize(descriptor: 1 | 2 = 1): TerminalSize {
  if (!tty().isatty(descriptor)) return { rows: 0, columns: 0 };
  const [columns, rows] = new (tty().WriteStream)(descriptor).getWindowSize();
  return { rows, columns };
}

/** Calls back with the new size whenever the window changes, until disposed. */
export function onResize(changed: (size: TerminalSize) => void): Disposable {
  const listener = () => changed(terminalSize());
  process.on("SIGWINCH", listener);
  return { [Symbol.dispose]: () => process.off("SIGWINCH", listener) };
}

/**
 * Puts the terminal on stdin into raw mode: each byte goes to the container as it is typed, and what the
 * container's own terminal sends is shown unchanged. Bun's `setRawMode` leaves the translation of line ends
 * on, which breaks full-screen programs, so `stty` does it.
 * @returns restores the terminal; happens by itself, too, however this process exits.
 */
export function makeRaw(): () => void {
  return withSettings("raw", "-echo", "-iexten");
}

/**
 * Lets this process read each key as it is pressed, unseen; Ctrl-C and its like go on sending signals.
 * @returns as `makeRaw`.
 */
export function makeCbreak(): () => void {
  return withSettings("-icanon", "-echo", "min", "1", "time", "0");
}

/** Changes the terminal on stdin until the function it gives is called, or this process exits. */
function withSettings(...settings: string[]): () => void {
  if (!tty().isatty(0)) return () => {};
  const saved = stty("-g");
  if (saved === undefined || stty(...settings) === undefined) return () => {};
  const restore = () => {
    process.off("exit", restore);
    stty(saved);
  };
  process.on("exit", restore);
  return restore;
}

/** What `stty` prints; undefined where it fails or is missing. */
function stty(...settings: string[]): string | undefined {
  try {
    const { exitCode, stdout } = Bun.spawnSync(["stty", ...settings], { stdin: "inherit", stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  } catch {
    return undefined;
  }
}
