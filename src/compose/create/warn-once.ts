import type { Application } from "../application.ts";

const told = new WeakMap<Application["report"], Set<string>>();

/** Each text once, however many containers it is true of. */
export function warnOnce({ report }: Application, message: string): void {
  const texts = told.get(report) ?? new Set();
  if (texts.has(message)) return;
  told.set(report, texts.add(message));
  report.warn(message);
}
