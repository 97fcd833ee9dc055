import { kindOf, log, messageOf } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import type { Call } from "../call.ts";
import { ClientGone } from "./writing.ts";

/**
 * Sends the progress of a long job, one JSON object a line, as `load`, `import` and `pull` do. A failure
 * before the first line is an ordinary failure; later ones become the last line, since the status is out.
 * @throws before the first line
 */
export async function sendProgress(
  call: Call,
  job: (report: (message: JsonMessage) => void) => Promise<void>,
): Promise<void> {
  let begun = false;
  const report = (message: JsonMessage) => {
    if (!begun) call.begin("application/json");
    begun = true;
    // Lines are short and few; a client that reads slowly only delays its own answer.
    if (!call.response.destroyed) call.response.write(`${JSON.stringify(message)}\r\n`);
  };
  try {
    await job(report);
  } catch (error) {
    if (!begun || error instanceof ClientGone) throw error;
    if (kindOf(error) === "System")
      log.error("a request failed", { path: call.path, error: messageOf(error) });
    report({ errorDetail: { message: messageOf(error) }, error: messageOf(error) });
  }
  if (!begun) call.begin("application/json");
  call.end();
}
