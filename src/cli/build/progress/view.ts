import type { StatusMessage } from "../../../lib/buildkit/index.ts";
import type { Output } from "../../terminal/output.ts";

/** Shows how a build goes. Progress is no result: all of it goes to standard error. */
export interface ProgressView {
  show(message: StatusMessage): void;
  /** @param failed what the build ended with, which is told by who called */
  end(failed: boolean): void;
}

export const PROGRESS_KINDS = ["auto", "plain", "tty", "json", "rawjson", "quiet", "none"] as const;
export type ProgressKind = (typeof PROGRESS_KINDS)[number];

/** @param isTerminal whether somebody looks; asked where it matters, for to find out takes a while */
export async function progressView(
  kind: ProgressKind,
  output: Output,
  isTerminal: () => boolean,
): Promise<ProgressView> {
  switch (kind) {
    case "quiet":
    case "none":
      return { show() {}, end() {} };
    case "json":
    case "rawjson":
      return new (await import("./json-view.ts")).JsonView(output);
    case "tty":
      return new (await import("./terminal-view.ts")).TerminalView(output);
    case "plain":
      return new (await import("./plain-view.ts")).PlainView(output);
    case "auto":
      return await progressView(isTerminal() ? "tty" : "plain", output, isTerminal);
  }
}
