import type { JsonMessage } from "../../wire/index.ts";
import type { Reporter } from "../application.ts";

const DONE = new Set([
  "pull complete",
  "already exists",
  "download complete",
  "pushed",
  "layer already exists",
]);
/** A layer that has come but is still to be unpacked. */
const NOT_YET = "download complete";

/**
 * Follows the progress of a pull or a push: each layer is a line below the image's.
 *
 * @throws the engine's own message where it failed.
 */
export async function followLayers(
  messages: AsyncIterable<JsonMessage>,
  parent: string,
  report: Reporter | undefined,
): Promise<void> {
  for await (const { id = "", status = "", progressDetail, error, errorDetail } of messages) {
    const failure = errorDetail?.message || error;
    if (failure) throw new Error(failure);
    // The first line of a pull has the tag for its id.
    if (report === undefined || id === "" || status.startsWith("Pulling from")) continue;
    const { current, total } = progressDetail ?? {};
    const word = status.toLowerCase();
    report.progress({
      id,
      parent,
      status: DONE.has(word) && word !== NOT_YET ? "done" : "working",
      text: status,
      ...(current !== undefined && { current }),
      ...(total !== undefined && { total }),
    });
  }
}
