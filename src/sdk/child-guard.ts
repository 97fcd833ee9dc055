import type { ChildProcess } from "node:child_process";

/** Ends programs that this process has started when it ends itself: by `exit`, or by a signal that nobody handles. */
const children = new Set<ChildProcess>();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function endWithThisProcess(child: ChildProcess): void {
  if (children.size === 0) watch();
  children.add(child);
  child.once("exit", () => {
    children.delete(child);
    if (children.size === 0) unwatch();
  });
}

function watch(): void {
  process.on("exit", endAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function unwatch(): void {
  process.off("exit", endAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** Who has a handler of his own knows what the signal means; without one, it shall end the process as it always does. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  endAll();
  unwatch();
  process.kill(process.pid, signal);
}

function endAll(): void {
  for (const child of children) child.kill();
}
