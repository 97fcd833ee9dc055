import { constants } from "node:os";
import { invalidParameter } from "../../lib/index.ts";

/** glibc and musl keep the first two real-time signals for themselves, so that RTMIN is 34 in programs of both. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * The signals by the names that Docker and kill(1) know, without `SIG`: the classic ones of signal(7) and
 * RTMIN, RTMIN+1 … RTMIN+15, RTMAX-14 … RTMAX.
 */
export const SIGNALS: Readonly<Record<string, number>> = Object.freeze({
  ...classicSignals(),
  CLD: constants.signals.SIGCHLD,
  ...realTimeSignals(),
});

function classicSignals(): Record<string, number> {
  const named = Object.entries(constants.signals).map(([name, number]) => [name.slice("SIG".length), number]);
  return Object.fromEntries(named);
}

function realTimeSignals(): Record<string, number> {
  const signals: Record<string, number> = { RTMIN, RTMAX };
  for (let offset = 1; offset <= 15; offset++) signals[`RTMIN+${offset}`] = RTMIN + offset;
  for (let offset = 1; offset <= 14; offset++) signals[`RTMAX-${offset}`] = RTMAX - offset;
  return signals;
}

/**
 * A signal's number from what people type: `KILL`, `sigkill`, `9`, `RTMIN+3`.
 * @throws InvalidParameter `Invalid signal: x` for anything else, 0 and numbers that no signal has included.
 */
export function parseSignal(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : SIGNALS[text.toUpperCase().replace(/^SIG/, "")];
  if (number === undefined || number < 1 || number > RTMAX) throw invalidParameter(`Invalid signal: ${text}`);
  return number;
}
