import type { StopOptions } from "../../sdk/index.ts";
import { type Flags, int, string, type Values } from "../flags.ts";

/** How `stop` and `restart` end a container. */
export const STOP_FLAGS = {
  signal: string("Signal to send first", { short: "s", complete: "signals" }),
  time: int("Seconds to wait before the container is killed (old name of --timeout)", { hidden: true }),
  timeout: int("Seconds to wait before the container is killed; -1: never", { short: "t" }),
} satisfies Flags;

/** @throws where both spellings of the timeout are given. */
export function readTimeout(
  flags: Values<typeof STOP_FLAGS>,
  changed: (flag: keyof typeof STOP_FLAGS) => boolean,
): StopOptions {
  if (changed("time") && changed("timeout")) {
    throw new Error("conflicting options: cannot specify both --timeout and --time");
  }
  return {
    signalName: flags.signal,
    ...(changed("timeout") && { timeoutSeconds: flags.timeout }),
    ...(changed("time") && { timeoutSeconds: flags.time }),
  };
}
