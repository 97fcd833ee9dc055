import { EngineError, kindOf, messageOf } from "../../lib/index.ts";
import type { Application } from "../application.ts";

/** Says that something begins and that it is done, or why not. In a dry run it is only said. */
export async function told<T>(
  { report, dryRun }: Application,
  id: string,
  begin: string,
  end: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  report.progress({ id, status: "working", text: begin });
  let result: T | undefined;
  try {
    if (!dryRun) result = await work();
  } catch (error) {
    report.progress({ id, status: "error", text: "Error", detail: messageOf(error) });
    throw error;
  }
  report.progress({ id, status: "done", text: end });
  return result;
}

/**
 * Removes something that may be gone already, or that somebody may still use: neither is an error. Gives whether it was
 * there and has gone.
 */
export async function removeTold(
  { report, dryRun }: Application,
  id: string,
  remove: () => Promise<void>,
): Promise<boolean> {
  report.progress({ id, status: "working", text: "Removing" });
  try {
    if (!dryRun) await remove();
  } catch (error) {
    if (isInUse(error)) {
      report.progress({ id, status: "warning", text: "Resource is still in use" });
      return false;
    }
    if (kindOf(error) === "NotFound") {
      report.progress({ id, status: "warning", text: "No resource found to remove" });
      return false;
    }
    report.progress({ id, status: "error", text: "Error", detail: messageOf(error) });
    throw error;
  }
  report.progress({ id, status: "done", text: "Removed" });
  return true;
}

/** A network with containers on it is refused as forbidden, a volume as a conflict. */
export const isInUse = (error: unknown): boolean =>
  kindOf(error) === "Conflict" ||
  (kindOf(error) === "Forbidden" && /active endpoints|in use/i.test(messageOf(error)));

/** The same failure with what was being done before its message. */
export function during(what: string, error: unknown): EngineError {
  return new EngineError(kindOf(error), `${what}: ${messageOf(error)}`, { cause: error });
}

/** Does all at once and waits for all, so that nothing goes on behind a failure's back; throws the first. */
export async function together(work: Iterable<Promise<unknown>>): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
