import { kindOf, log, messageOf } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { hasBody } from "../body.ts";
import type { Call } from "../call.ts";
import { ClientGone } from "./writing.ts";

/** How long a client may go on with an upload that failed before the answer ends. */
const UNWANTED_BODY_MS = 2_000;

/**
 * Sends the progress of a long job, one JSON object a line, as `load`, `import` and `pull` do. A failure
 * before the first line is an ordinary failure; later ones become the last line, since the status is out.
 * @param failures `in-stream`: also the first line may tell of a failure, after a status of 200
 * @throws before the first line
 */
export async function sendProgress(
  call: Call,
  job: (report: (message: JsonMessage) => void) => Promise<void>,
  failures: "as-status" | "in-stream" = "as-status",
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
    if ((!begun && failures === "as-status") || error instanceof ClientGone) throw error;
    if (kindOf(error) === "System")
      log.error("a request failed", { path: call.path, error: messageOf(error) });
    report({ errorDetail: { ...codeOf(error), message: messageOf(error) }, error: messageOf(error) });
    await readToTheEnd(call);
  }
  if (!begun) call.begin("application/json");
  call.end();
}

/** Of a process that a build ran: clients end with its exit code. */
function codeOf(error: unknown): { code?: number } {
  const { exitCode } = error as { exitCode?: unknown };
  return typeof exitCode === "number" ? { code: exitCode } : {};
}

/** Closing on a client that still writes could take the answer along: what it has left to say runs dry for a moment. */
async function readToTheEnd({ request, response }: Call): Promise<void> {
  if (!hasBody(request) || request.complete) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, UNWANTED_BODY_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    request.once("end", done);
    response.once("close", done);
    request.resume();
  });
}
