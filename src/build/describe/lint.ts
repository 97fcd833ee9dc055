import type { CheckWarning } from "../dockerfile/index.ts";
import { locationOf, sourceOf } from "./locations.ts";

/** `--call=check`: what the checks found, in BuildKit's words (`frontend/subrequests/lint`). */
export function describeWarnings(
  warnings: readonly CheckWarning[],
  { fileName, text }: { readonly fileName: string; readonly text: string },
): unknown {
  return {
    warnings: warnings.map(({ rule, description, url, message, lines }) => ({
      ruleName: rule,
      description,
      url,
      detail: message,
      location: locationOf(lines),
    })),
    sources: [{ filename: fileName, language: "Dockerfile", data: sourceOf(text) }],
  };
}
